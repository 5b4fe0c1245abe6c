import Model
import Testing

@testable import Resources

/// Our order of versions against the package managers' own.
@Suite struct VersionOrderTests {
    private static let versions = [
        "1.0", "1.0-1", "1.0-1~bpo1", "1.0~rc1", "1.0~~", "1.0+b1", "1.00", "1.01", "1.10", "1.9", "1:0.1", "0:1.0",
        "2.36-9+deb12u10",
        "2.36-9+deb12u9", "1.0a", "1.0.a", "1.a", "a1", "10", "9", "1.22.", "1.22.1-9", "007",
    ]

    @Test func isDpkgsOwn() async throws {
        var script: ShellText = ""
        var pairs: [(String, String)] = []
        // dpkg itself refuses some of them as versions of a package; their order is asked all the same.
        for left in Self.versions {
            for right in Self.versions {
                pairs.append((left, right))
                script += """
                    if dpkg --compare-versions \(words: [left, "lt", right]); then echo older
                    elif dpkg --compare-versions \(words: [left, "eq", right]); then echo same
                    else echo newer; fi 2>/dev/null

                    """
            }
        }
        let answers = try await Shell.run(script).outputText.split(separator: "\n").map(String.init)
        try #require(answers.count == pairs.count)
        for (pair, answer) in zip(pairs, answers) {
            let order = VersionOrder.compare(pair.0, pair.1, on: .debian)
            #expect((order < 0 ? "older" : order == 0 ? "same" : "newer") == answer, "\(pair.0) and \(pair.1)")
        }
    }

    /// The cases of rpm's own test of rpmvercmp, by what its manual says: numbers before words, `~` before the end, `^` after it.
    @Test(arguments: [
        ("1.0", "1.0", 0), ("1.0", "2.0", -1), ("2.0.1a", "2.0.1", 1), ("5.5p1", "5.5p2", -1), ("5.5p10", "5.5p1", 1),
        ("10xyz", "10.1xyz", -1), ("xyz10", "xyz10.1", -1), ("xyz.4", "8", -1), ("5.5p2", "5.6p1", -1),
        ("6.0.rc1", "6.0", 1), ("10b2", "10a1", 1), ("1.0aa", "1.0a", 1), ("10.0001", "10.0039", -1),
        ("4.999.9", "5.0", -1),
        ("2_0", "2.0", 0), ("1.0~rc1", "1.0", -1), ("1.0~rc1", "1.0~rc2", -1), ("1.0~rc1~git123", "1.0~rc1", -1),
        ("1.0^", "1.0", 1), ("1.0^git1", "1.0^git2", -1), ("1.0^git1", "1.01", -1), ("1.0^20160101", "1.0.1", -1),
        ("1.0~rc1^git1", "1.0~rc1", 1), ("1.0^git1~pre", "1.0^git1", -1), ("1:1.0", "2.0", 1), ("1.0-2", "1.0-10", -1),
        ("1.0", "1.0-5", 0), ("0:1.0", "1.0", 0), ("2023.6.20250107", "2023.7.20250331", -1),
    ]) func isRpms(left: String, right: String, order: Int) {
        #expect(VersionOrder.compare(left, right, on: .amazon).signum() == order)
        #expect(VersionOrder.compare(right, left, on: .amazon).signum() == -order)
    }

    @Test(arguments: [
        ("1.22.*", "1.22.1-9", true), ("1.2*", "1.22.1-9", true), ("1.22.*", "1.2.2-1", false),
        ("1.22.1", "1.22.1-9", false),
        ("1.22.1-9", "1.22.1-9", true), ("1:1.*", "1:1.2-3", true), ("1.*", "1:1.2-3", false),
    ]) func pinsOfDebian(pin: String, version: String, matches: Bool) {
        #expect(VersionPin(pin).matches(version, on: .debian) == matches)
    }

    @Test(arguments: [
        ("1.24.0", "1:1.24.0-1.amzn2023", true), ("1.24", "1.24.0-1.amzn2023", false),
        ("1.24.*", "1:1.24.0-1.amzn2023", true),
        ("2:1.24.0", "1:1.24.0-1.amzn2023", false), ("1.24.0-1.amzn2023", "1.24.0-1.amzn2023", true),
        ("1.24.0-2*", "1.24.0-1.amzn2023", false),
    ]) func pinsOfAmazon(pin: String, version: String, matches: Bool) {
        #expect(VersionPin(pin).matches(version, on: .amazon) == matches)
    }
}
