import Model
import Testing

@Suite struct MomentTests {
    @Test(arguments: [
        (0, "1970-01-01 00:00 UTC"), (-1, "1969-12-31 23:59 UTC"), (951_782_400, "2000-02-29 00:00 UTC"),
        (1_709_164_799, "2024-02-28 23:59 UTC"), (1_795_516_500, "2026-11-24 10:35 UTC"),
        (4_107_542_400, "2100-03-01 00:00 UTC"), (253_402_300_799, "9999-12-31 23:59 UTC"),
    ])
    func isWrittenAsDateDoes(seconds: Int, text: String) {
        #expect(Moment(seconds: seconds).description == text)
    }

    @Test(arguments: [("90d", 90 * 86400), ("1d", 86400), ("2h", 7200)])
    func daysAreATime(text: String, seconds: Int) {
        #expect(ScalarText.duration(text) == .seconds(seconds))
    }
}

@Suite struct PEMTextTests {
    private let block = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

    @Test func blocksAreFoundBetweenOtherText() {
        let key = "-----BEGIN EC PRIVATE KEY-----\nBBBB\n-----END EC PRIVATE KEY-----"
        let blocks = PEMText.blocks("subject=x\r\n\(block)\nwords\n\(key)".utf8)
        #expect(blocks.map(\.label) == ["CERTIFICATE", "EC PRIVATE KEY"])
        #expect(blocks.first.map { String(decoding: $0.bytes, as: UTF8.self) } == block)
        #expect(PEMText.holdsPrivateKey(key.utf8))
        #expect(!PEMText.holdsPrivateKey(block.utf8))
        #expect(PEMText.certificates((block + key + "\n" + block).utf8).count == 2)
    }

    @Test(arguments: [
        "", "-----BEGIN CERTIFICATE-----\nAAAA\n", "-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END PRIVATE KEY-----\n", "----BEGIN CERTIFICATE----\n",
    ])
    func whatIsNotWholeIsNone(text: String) { #expect(PEMText.blocks(text.utf8).isEmpty) }

    @Test func onlyCertificatesOfASecretAreBound() throws {
        let key = "-----BEGIN PRIVATE KEY-----\nBBBB\n-----END PRIVATE KEY-----\n"
        let book = SecretBook(values: ["pki.ca": Secret(block + key), "pki.none": Secret(key)])
        let content = Content([.certificates("pki.ca")])
        #expect(try content.bound(to: book, for: .host) == Array(block.utf8))
        #expect(content.secretNames == ["pki.ca"])
        #expect(throws: BindingError.self) { try Content([.certificates("pki.none")]).bound(to: book, for: .host) }
        #expect(throws: BindingError.missing("pki.x")) {
            try Content([.certificates("pki.x")]).bound(to: book, for: .host)
        }
    }
}
