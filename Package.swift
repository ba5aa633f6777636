// swift-tools-version: 6.2
import PackageDescription

/// `WEIGHTSPACE_STRICT=1` turns every warning into an error; the test script sets it, users' builds do not.
let strict = Context.environment["WEIGHTSPACE_STRICT"] != nil

/// Settings of every Swift target; `memorySafe` targets may hold no unsafe construct at all.
func settings(memorySafe: Bool = true) -> [SwiftSetting] {
    [.enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility")]
        + (memorySafe ? [.strictMemorySafety()] : [])
        + (strict ? [.treatAllWarnings(as: .error)] : [])
}

func target(
    _ name: String, _ dependencies: [Target.Dependency] = [], memorySafe: Bool = true, resources: [Resource]? = nil
) -> Target {
    .target(
        name: name, dependencies: dependencies, resources: resources, swiftSettings: settings(memorySafe: memorySafe))
}

func tests(_ name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource]? = nil) -> Target {
    .testTarget(
        name: name + "Tests", dependencies: [.target(name: name)] + dependencies, resources: resources,
        swiftSettings: settings(memorySafe: false))
}

let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

/// `WEIGHTSPACE_FUZZ=1` adds the fuzzer, which links only with libFuzzer: see `Tests/Fuzzing/fuzz.sh`.
let fuzzer: [Target] =
    Context.environment["WEIGHTSPACE_FUZZ"] == nil
    ? []
    : [
        .target(name: "CHeap", path: "Tests/Fuzzing/CHeap"),
        .executableTarget(
            name: "fuzz", dependencies: ["CHeap", "FuzzTargets"], path: "Tests/Fuzzing/Program",
            swiftSettings: settings(memorySafe: false)),
    ]

let package = Package(
    name: "weightspace",
    products: [.executable(name: "weightspace", targets: ["weightspace"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser.git", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-http-types.git", exact: "1.8.0", traits: []),
        .package(url: "https://github.com/apple/swift-log.git", exact: "1.16.2"),
    ],
    targets: [
        .systemLibrary(name: "COpenBLAS", pkgConfig: "openblas", providers: [.apt(["libopenblas-dev"])]),
        .target(name: "CHost"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        .target(name: "CKernels", linkerSettings: [.linkedLibrary("m")]),

        // What the program needs of the machine.
        target("Host", ["CHost", "COpenBLAS"], memorySafe: false),

        // Bytes to weights.
        target("Tensors"),
        target("WeightFormats", ["CZlib", "Tensors"], memorySafe: false),
        target("Networks", ["Tensors"]),
        target("NetworkReading", ["Tensors", "WeightFormats", "Networks"]),
        target("Uploads", ["Tensors", "WeightFormats", "Networks", "NetworkReading"]),

        // Weights to features to model.
        target("Engine", ["CHost", "COpenBLAS", "CKernels"], memorySafe: false),
        target("SIREN", ["Tensors", "Networks", "Engine"]),
        target("NeuralFunctionals", ["Tensors", "Networks", "Engine"]),
        target(
            "Models", ["Tensors", "WeightFormats", "Networks", "SIREN", "Engine", "NeuralFunctionals"]),
        target(
            "ModelStore",
            [
                "Host", "Tensors", "WeightFormats", "Networks", "NetworkReading", "SIREN", "Engine",
                "NeuralFunctionals", "Models",
            ],
            resources: [.copy("Resources/Models")]),

        // Layers and models against the numbers of PyTorch.
        target(
            "Verification", ["Tensors", "Networks", "SIREN", "Engine", "NeuralFunctionals", "Models"]),

        // The standard protocol of inference servers, on the wire.
        target("OpenInference", ["Tensors", "WeightFormats"]),

        // The server, which knows nothing of networks.
        target("Clocks", ["CHost"]),
        target("HTTPCore", ["Clocks", httpTypes]),
        target("HTTPContent", ["WeightFormats"]),
        target("HTTPServer", ["CHost", "Clocks", "HTTPCore", logging], memorySafe: false),
        target("ComputeQueue", ["Clocks"]),

        // Data to learn from: pictures, and INRs fitted to them.
        target("Datasets", ["Host", "Tensors", "WeightFormats", "Networks", "SIREN", "Engine"]),
        // Files of networks to a corpus, and what a corpus holds.
        target(
            "CorpusImport",
            [
                "Host", "Tensors", "WeightFormats", "Networks", "NetworkReading", "Uploads", "SIREN", "Engine",
                "Datasets",
            ]),

        // Many small CNNs, as a corpus.
        target(
            "Zoo", ["Host", "Tensors", "WeightFormats", "Networks", "SIREN", "Engine", "Datasets"]),

        // Models that learn.
        target(
            "Training",
            [
                "Host", "Tensors", "WeightFormats", "Networks", "SIREN", "Engine", "NeuralFunctionals", "Models",
                "Datasets",
            ],
            resources: [.copy("Resources/Recipes")]),

        // How fast it is.
        target(
            "Benchmarks",
            [
                "Host", "Tensors", "WeightFormats", "Networks", "NetworkReading", "SIREN", "Engine",
                "NeuralFunctionals", "Models", "ModelStore", "Datasets", "Training",
            ], memorySafe: false),

        // Where the two halves meet, and the executable.
        target(
            "InferenceService",
            [
                "Host", "Tensors", "WeightFormats", "Networks", "NetworkReading", "SIREN", "Uploads", "Engine",
                "NeuralFunctionals", "Models", "ModelStore", "Datasets", "OpenInference", "Clocks", "HTTPCore",
                "HTTPContent",
                "ComputeQueue", httpTypes, logging,
            ], resources: [.copy("Resources/openapi.json"), .copy("Resources/page.html")]),
        .executableTarget(
            name: "weightspace",
            dependencies: [
                "Host", "CHost", "Tensors", "WeightFormats", "Networks", "NetworkReading", "SIREN", "Uploads", "Engine",
                "NeuralFunctionals", "Models", "ModelStore", "Verification", "HTTPCore", "HTTPServer", "Datasets",
                "CorpusImport", "Zoo", "Training", "Benchmarks", "InferenceService", arguments, logging,
            ],
            swiftSettings: settings()),

        // What several test targets share.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings(memorySafe: false)),
        // What must hold for any bytes, for a fuzzer and for the files it has found.
        .target(
            name: "FuzzTargets",
            dependencies: [
                "TestSupport", "Tensors", "WeightFormats", "Networks", "NetworkReading", "SIREN", "Uploads", "Models",
                "ModelStore", "Clocks", "HTTPCore", "HTTPContent", "Datasets", "InferenceService", httpTypes, logging,
            ], path: "Tests/Fuzzing/Targets", swiftSettings: settings()),

        tests("Tensors"),
        tests("WeightFormats", ["Tensors"], resources: [.copy("Fixtures")]),
        tests("Networks", ["Tensors", "SIREN"]),
        tests("NetworkReading", ["Tensors", "WeightFormats", "Networks", "SIREN"]),
        tests("SIREN", ["Tensors", "Networks", "Engine"], resources: [.copy("Fixtures")]),
        tests("Uploads", ["Tensors", "WeightFormats", "Networks", "NetworkReading"]),
        tests("Engine", ["CKernels"]),
        tests(
            "NeuralFunctionals", ["Tensors", "Networks", "SIREN", "Engine", "Models"],
            resources: [.copy("Fixtures")]),
        tests(
            "ModelStore",
            [
                "Tensors", "WeightFormats", "Networks", "NetworkReading", "SIREN", "Engine", "NeuralFunctionals",
                "Models", "Verification", "TestSupport",
            ],
            resources: [.copy("Fixtures")]),
        tests("Datasets", ["Tensors", "WeightFormats", "Networks", "SIREN", "Engine"]),
        tests("Zoo", ["Tensors", "Networks", "SIREN", "Engine", "Datasets"]),
        tests(
            "CorpusImport", ["Tensors", "WeightFormats", "Networks", "SIREN", "Engine", "Datasets"]),
        tests(
            "Training",
            [
                "Tensors", "WeightFormats", "Networks", "SIREN", "Engine", "NeuralFunctionals", "Models", "ModelStore",
                "Datasets",
            ]),
        tests("Benchmarks", ["Host", "WeightFormats"]),
        tests("Clocks"),
        tests("HTTPCore", ["Clocks", httpTypes], resources: [.copy("Fixtures")]),
        tests("HTTPContent", ["WeightFormats"]),
        tests("HTTPServer", ["TestSupport", "HTTPCore", httpTypes, logging]),
        tests("Host", ["TestSupport"]),
        tests("OpenInference", ["Tensors", "WeightFormats"]),
        tests("ComputeQueue", ["Clocks"]),
        tests(
            "InferenceService",
            [
                "TestSupport", "Host", "Tensors", "WeightFormats", "Networks", "NetworkReading", "SIREN", "Uploads",
                "Models", "ModelStore", "Datasets", "Clocks", "HTTPCore", "HTTPContent", httpTypes, logging,
            ], resources: [.copy("Fixtures")]),
        .testTarget(
            name: "WeightspaceTests", dependencies: ["TestSupport", "weightspace", "Tensors", "WeightFormats"],
            resources: [.copy("Fixtures")], swiftSettings: settings(memorySafe: false)),
        .testTarget(
            name: "FuzzingTests", dependencies: ["FuzzTargets", "WeightFormats"], path: "Tests/Fuzzing/Tests",
            swiftSettings: settings(memorySafe: false)),
    ] + fuzzer
)
