// swift-tools-version: 6.2
import PackageDescription

// The order of the targets is the order of the flow in README's "Map of the code": values first, then the pure
// stages, then the effects, then the only target that joins them. A target may use those above it, never below.

let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let collections = Target.Dependency.product(name: "OrderedCollections", package: "swift-collections")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "_CryptoExtras", package: "swift-crypto")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

// `Tests/Fuzz/fuzz` builds with CSO_FUZZ=1, into a folder of its own: the parsers are watched by libFuzzer there.
let isFuzzing = Context.environment["CSO_FUZZ"] != nil
let watched: [SwiftSetting] =
    isFuzzing ? [.unsafeFlags(["-sanitize=fuzzer", "-O", "-Xfrontend", "-assert-config", "-Xfrontend", "Debug"])] : []

func source(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict + watched)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], exclude: [String] = []) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: [.byName(name: name)] + dependencies, exclude: exclude,
        swiftSettings: strict)
}

let package = Package(
    name: "cso-provision",
    products: [.executable(name: "cso-provision", targets: ["cso-provision"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.0"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    ],
    targets: [
        // Pure: no clock, files, network or logging.
        source("Model", [collections]),
        source("PKI", ["Model", asn1, x509, crypto, cryptoExtras]),
        source("Resources", ["Model", "PKI", collections, crypto]),
        source("RemoteProtocol", ["Model"]),
        source("Source", ["Model", "Resources", yams]),
        source("Reference", ["Model", "Resources", "Source", collections]),
        source("Compile", ["Model", "Resources", collections]),
        source("Planning", ["Model", "Resources", "Compile", collections, crypto]),
        source("Rollout", ["Model"]),
        source("Report", ["Model", "Resources", "Planning", collections]),

        // Effects.
        .systemLibrary(name: "CLinux"),
        source("Transport", ["Model", "CLinux"]),
        .systemLibrary(
            name: "CLibSSH2", pkgConfig: "libssh2", providers: [.apt(["libssh2-1-dev"]), .yum(["libssh2-devel"])]),
        source("Trust", ["Model", crypto]),
        source("SSH", ["Model", "Transport", "Trust", "CLibSSH2"]),
        source("HostSession", ["Model", "RemoteProtocol", "Transport"]),
        .systemLibrary(
            name: "CCares", pkgConfig: "libcares", providers: [.apt(["libc-ares-dev"]), .yum(["c-ares-devel"])]),
        source("Zone", ["Model", "CLinux", "CCares"]),
        source("Cloud", ["Model", "PKI", subprocess]),
        source("Share", ["Model", "Resources", "Transport", crypto]),
        source("Records", ["Model", "Resources", "Planning", collections]),
        source(
            "Engine",
            [
                "Model", "PKI", "Resources", "RemoteProtocol", "Source", "Compile", "Planning", "Rollout", "Report",
                "Transport",
                "Trust", "SSH", "HostSession", "Zone", "Cloud", "Records",
            ]),
        .executableTarget(
            name: "cso-provision",
            dependencies: ["Model", "Reference", "Engine", "Records", "Report", "Resources", "Share", arguments],
            swiftSettings: strict),

        // Tests. Support holds the real servers that several of them start.
        .target(
            name: "TestSupport", dependencies: ["Model", "Transport", "Trust", "SSH"], path: "Tests/TestSupport",
            swiftSettings: strict),
        tests("Model", []),
        tests("PKI", ["Model", "TestSupport"]),
        tests("RemoteProtocol", ["Model"]),
        tests("Resources", ["Model", "PKI", "Transport", collections], exclude: ["Fixtures"]),
        tests("Source", ["Model", "Resources"]),
        tests("Reference", ["Model", "Resources", "Source"]),
        tests("Compile", ["Source", "Model", "Resources"]),
        tests("Planning", ["Model", "Resources", "Compile", collections]),
        tests("Rollout", ["Model"]),
        tests("Report", ["Model", "Resources", "Planning", collections]),
        tests("Records", ["Model", "Resources", "Planning", "Transport", "Trust", "SSH", "TestSupport"]),
        tests(
            "Engine",
            [
                "Model", "PKI", "Resources", "RemoteProtocol", "Source", "Compile", "Planning", "Rollout", "Report",
                "Transport",
                "Trust", "SSH", "HostSession", "Zone", "Cloud", "Records", "TestSupport", collections,
            ], exclude: ["Fixtures"]),
        tests("Transport", []),
        tests("Trust", []),
        tests("SSH", ["Model", "Transport", "Trust", "TestSupport"]),
        tests("HostSession", ["Model", "RemoteProtocol", "Transport", "CLinux"]),
        tests("Zone", ["Model", "Transport"]),
        tests("Cloud", ["Model", "PKI", "Transport"], exclude: ["Fixtures"]),
        tests("Share", ["Model", "TestSupport"]),
    ]
)

if isFuzzing {
    package.targets.append(
        .executableTarget(
            name: "Fuzz",
            dependencies: [
                "Model", "PKI", "Resources", "RemoteProtocol", "Source", "Compile", "Trust", "Zone", "Cloud",
            ],
            path: "Tests/Fuzz", exclude: ["Corpus", "fuzz", "seed.py"], swiftSettings: strict + watched,
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer", "-use-ld=lld"])]))
}
