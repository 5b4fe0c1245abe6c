internal import Glibc

/// What libFuzzer calls. CSO_FUZZ_TARGET says which parser; one program has them all, since linking is what takes long.
@main enum Fuzz {
    static func main() {
        let name = getenv("CSO_FUZZ_TARGET").map { String(cString: $0) } ?? ""
        guard let target = Targets.all[name] else {
            print("CSO_FUZZ_TARGET is none of \(Targets.all.keys.sorted().joined(separator: " "))")
            exit(1)
        }
        chosen = target
        var count = CommandLine.argc
        var words = CommandLine.unsafeArgv
        exit(drive(&count, &words, testOneInput))
    }

    nonisolated(unsafe) fileprivate static var chosen: ([UInt8]) -> Void = { _ in }
}

/// libFuzzer's own main is in the same archive and wants this name; ours comes first and passes it on.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    Fuzz.chosen(Array(UnsafeBufferPointer(start: bytes, count: count)))
    return 0
}

@_silgen_name("LLVMFuzzerRunDriver")
private func drive(
    _ count: UnsafeMutablePointer<CInt>,
    _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt
