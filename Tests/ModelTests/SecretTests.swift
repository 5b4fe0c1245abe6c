import Model
import Testing

@Suite("Secrets")
struct SecretTests {
    private static let canary = "canary-\u{e9}'\"\\"
    private let secret = Secret(Self.canary)

    @Test("have no text form: not printed, interpolated, dumped or mirrored")
    func opaque() {
        struct Holder {
            var secret: Secret
            var list: [Secret]
            var book: [String: Secret]
        }
        let holder = Holder(secret: secret, list: [secret], book: ["key": secret])
        var texts = ["\(secret)", String(describing: secret), String(reflecting: secret), "\(holder)", "\([secret])"]
        texts.append(String(reflecting: holder))
        var dumped = ""
        dump(holder, to: &dumped)
        texts.append(dumped)
        dump(SecretBook(values: ["a.b": secret]), to: &dumped)
        texts += [dumped, "\(SecretBook(values: ["a.b": secret]))"]
        for text in texts { #expect(!text.contains("canary")) }
        // What is looked for would be found.
        #expect("\(secret.reveal(to: .client) { String(decoding: $0, as: UTF8.self) })".contains("canary"))
    }

    @Test("are the bytes that were put in")
    func bytes() {
        #expect(secret.reveal(to: .host) { $0 } == Array(Self.canary.utf8))
        #expect(Secret([]).isEmpty && !secret.isEmpty)
        #expect(secret == Secret(Self.canary) && secret != Secret("other"))
    }

    @Test(
        "names have a source and a key; only the first dot parts them",
        arguments: [
            ("passwords.db", "passwords", "db"), ("passwords.a.b", "passwords", "a.b"), ("passwords", "passwords", ""),
        ])
    func names(name: String, source: String, key: String) {
        let name = SecretName(name)
        #expect(name.source == source)
        #expect(name.key == key)
        if !key.isEmpty { #expect(SecretName(source: source, key: key) == name) }
    }

    @Test("a book takes in another, whose values win")
    func merge() {
        var book = SecretBook(values: ["a.x": Secret("1"), "a.y": Secret("2")], versions: ["a": "v1"])
        book.merge(SecretBook(values: ["a.y": Secret("3"), "b.z": Secret("4")], versions: ["b": "v2"]))
        #expect(book.names == ["a.x", "a.y", "b.z"])
        #expect(book.secrets == [Secret("1"), Secret("3"), Secret("4")])
        #expect(book.versions == ["a": "v1", "b": "v2"])
    }
}

@Suite("Content with references")
struct ContentTests {
    private let book = SecretBook(values: ["p.db": Secret("pass word"), "p.raw": Secret([0xFF, 0x00])])

    private var content: Content {
        var content = Content("a=")
        content.append(.secret("p.db", .shell))
        content.append(Content("\nb="))
        content.append(.peerFile("backend02", path: "/key"))
        return content
    }

    @Test("is bound to the values, each in its sink's encoding")
    func bound() throws {
        let file = PeerFile(host: "backend02", path: "/key")
        let bytes = try content.bound(to: book, peerFiles: [file: Secret([0x01, 0xFE])], for: .host)
        #expect(bytes == Array("a='pass word'\nb=".utf8) + [0x01, 0xFE])
    }

    @Test("what is missing or does not fit is an error that names it and shows no value")
    func errors() {
        #expect(throws: BindingError.missing("p.db")) { try content.bound(to: SecretBook(), for: .digest) }
        #expect(throws: BindingError.peerFileNotRead("backend02", "/key")) { try content.bound(to: book, for: .host) }
        let odd = Content([.secret("p.raw", .json)])
        #expect(throws: BindingError.notEncodable("p.raw", .json)) { try odd.bound(to: book, for: .host) }
        #expect(
            BindingError.notEncodable("p.raw", .json).description
                == "secret p.raw holds a character that json cannot express")
    }

    @Test("names its secrets and its peers' files, and is shown with placeholders")
    func shown() {
        #expect(content.secretNames == ["p.db"])
        #expect(content.holdsSecrets && !Content("x").holdsSecrets)
        #expect(content.peerFiles == [PeerFile(host: "backend02", path: "/key")])
        #expect(content.placeholderText == "a=<secret p.db>\nb=</key of backend02>")
        #expect(Content(bytes: [0xFF]).placeholderText == nil)
    }
}
