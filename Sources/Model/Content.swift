/// How a value is written so that its sink reads back exactly its bytes.
package enum SinkEncoding: String, Sendable, Hashable, CaseIterable, Codable {
    /// The bytes as they are.
    case raw
    /// A value in a Java properties file (java.util.Properties.load), ISO 8859-1 with \u escapes.
    case properties
    /// A value in an INI file as Python's RawConfigParser reads it. A line break has no form there.
    case ini
    /// The inside of a single-quoted SQL literal.
    case sql
    /// The inside of a JSON string.
    case json
    /// One word for a POSIX shell, with its quotes.
    case shell
    /// A component of a URL (RFC 3986 unreserved characters stay).
    case url
    /// The inside of a double-quoted value in an option file of MySQL's and MariaDB's own clients.
    case optionFile = "option-file"
    /// The inside of a double-quoted value in an INI file whose reader takes off one pair of quotes and nothing else
    /// (PyMySQL's read_default_file). Only printable ASCII has a form there: PyMySQL sends passwords as Latin-1, and in which
    /// encoding it reads the file depends on who starts it.
    case quotedINI = "quoted-ini"
}

/// The bytes of a file or of a step's standard input, with secrets by reference: values are bound when it is digested
/// for comparison and when it leaves for the host, never before.
package struct Content: Sendable, Hashable {
    package enum Segment: Sendable, Hashable {
        case literal([UInt8])
        case secret(SecretName, SinkEncoding)
        /// The bytes of a file on another member of the role, streamed through the controller's memory.
        case peerFile(HostName, path: String)
        /// The files of a folder on another member, as ``FolderArchive`` writes them.
        case peerFolder(HostName, path: String)
        /// The certificates of a secret in PEM, and nothing else of it.
        case certificates(SecretName)
        /// A certificate that the controller signs at that moment, on the host's own request.
        case issued(CertificateOrder)
        /// How many bytes the content has once it is bound, in decimal on a line of its own: so a script that gets several
        /// contents on one standard input knows where each ends. Holds the content only to count it.
        case lengthLine(Content)
    }

    package private(set) var segments: [Segment]

    package init(_ segments: [Segment] = []) { self.segments = segments }
    package init(bytes: [UInt8]) { self.segments = [.literal(bytes)] }
    package init(_ text: String) { self.init(bytes: Array(text.utf8)) }

    /// Several contents one after another, each behind its length line.
    package static func framed(_ parts: [Content]) -> Content {
        var whole = Content()
        for part in parts {
            whole.append(.lengthLine(part))
            whole.append(part)
        }
        return whole
    }

    package var secretNames: Set<SecretName> {
        Set(
            segments.compactMap { segment in
                switch segment {
                case .secret(let name, _), .certificates(let name): name
                case .issued(let order): order.authority
                case .literal, .peerFile, .peerFolder, .lengthLine: nil
                }
            })
    }
    package var orders: [CertificateOrder] {
        segments.compactMap { segment in
            if case .issued(let order) = segment { order } else { nil }
        }
    }
    package var holdsSecrets: Bool { !secretNames.isEmpty }
    package var peerFiles: [PeerFile] {
        segments.compactMap { segment in
            switch segment {
            case .peerFile(let host, let path): PeerFile(host: host, path: path)
            case .peerFolder(let host, let path): PeerFile(host: host, path: path, isFolder: true)
            default: nil
            }
        }
    }

    /// Bytes without what secrets and peers add, which is small.
    package var size: Int {
        segments.reduce(0) { if case .literal(let bytes) = $1 { $0 + bytes.count } else { $0 } }
    }

    package mutating func append(_ segment: Segment) { segments.append(segment) }
    package mutating func append(_ other: Content) { segments += other.segments }

    /// The bytes with every secret in its place. The disclosure says where they go; `peerFiles` holds what was read from
    /// other members for the segments that name them, `issued` the certificates in PEM that were signed.
    package func bound(
        to book: SecretBook, peerFiles: [PeerFile: Secret] = [:], issued: [CertificateOrder: [UInt8]] = [:],
        for disclosure: Secret.Disclosure
    ) throws(BindingError) -> [UInt8] {
        var bytes: [UInt8] = []
        for segment in segments {
            switch segment {
            case .literal(let literal): bytes += literal
            case .secret(let name, let encoding):
                guard let secret = book[name] else { throw .missing(name) }
                guard let encoded = secret.reveal(to: disclosure, { encoding.encode($0) }) else {
                    throw .notEncodable(name, encoding)
                }
                bytes += encoded
            case .peerFile(let host, let path):
                guard let file = peerFiles[PeerFile(host: host, path: path)] else { throw .peerFileNotRead(host, path) }
                bytes += file.reveal(to: disclosure) { $0 }
            case .peerFolder(let host, let path):
                guard let folder = peerFiles[PeerFile(host: host, path: path, isFolder: true)] else {
                    throw .peerFileNotRead(host, path)
                }
                bytes += folder.reveal(to: disclosure) { $0 }
            case .certificates(let name):
                guard let secret = book[name] else { throw .missing(name) }
                let certificates = secret.reveal(to: disclosure) { PEMText.certificates($0) }
                if certificates.isEmpty { throw .unusable(name, "it holds no certificate in PEM") }
                bytes += certificates.joined()
            case .issued(let order):
                guard let certificate = issued[order] else { throw .notIssued(order.path) }
                bytes += certificate
            case .lengthLine(let part):
                let length = try part.bound(to: book, peerFiles: peerFiles, issued: issued, for: disclosure).count
                bytes += Array("\(length)\n".utf8)
            }
        }
        return bytes
    }

    /// The text with `<secret NAME>` where a secret stands, for diffs of files that are not sensitive as a whole and for
    /// `check`. `nil` if the literals are not UTF-8.
    package var placeholderText: String? {
        var text = ""
        for segment in segments {
            switch segment {
            case .literal(let bytes):
                guard let part = String(validating: bytes, as: UTF8.self) else { return nil }
                text += part
            case .secret(let name, _): text += "<secret \(name)>"
            case .peerFile(let host, let path), .peerFolder(let host, let path): text += "<\(path) of \(host)>"
            case .certificates(let name): text += "<certificates of \(name)>"
            case .issued(let order): text += "<certificate by \(order.authority)>"
            case .lengthLine: text += "<length>\n"
            }
        }
        return text
    }
}

/// A file on a member of the role, or all files of a folder.
package struct PeerFile: Sendable, Hashable {
    package var host: HostName
    package var path: String
    package var isFolder: Bool
    package init(host: HostName, path: String, isFolder: Bool = false) {
        self.host = host
        self.path = path
        self.isFolder = isFolder
    }
}

/// A secret cannot be put where a template wants it.
package enum BindingError: Error, Sendable, Equatable, CustomStringConvertible {
    case missing(SecretName)
    case notEncodable(SecretName, SinkEncoding)
    case peerFileNotRead(HostName, String)
    /// The value is not what it is wanted for.
    case unusable(SecretName, String)
    /// What is to hold it cannot; the phrase says what it may be.
    case unfit(SecretName, String)
    case notIssued(String)

    package var description: String {
        switch self {
        case .missing(let name): "secret \(name) was not fetched"
        case .notEncodable(let name, let encoding):
            "secret \(name) holds a character that \(encoding.rawValue) cannot express"
        case .peerFileNotRead(let host, let path): "\(path) of \(host) was not read"
        case .unusable(let name, let reason), .unfit(let name, let reason): "secret \(name): \(reason)"
        case .notIssued(let path): "\(path) was not issued"
        }
    }
}
