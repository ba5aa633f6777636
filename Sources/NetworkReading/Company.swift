import Tensors

/// What names and structure say about values that are saved beside a network: training state and measurements.
enum Company {
    // MARK: Training state

    /// Whether a node holds the state of an optimiser, a schedule or gradients, whose arrays have the shapes of a
    /// network's layers without being one.
    ///
    /// Told by its key, such as `optimizer_state_dict` and `exp_avg`, or by its members: `state` beside `param_groups`
    /// as PyTorch saves it, and a pair of moments, `mu` and `nu` as optax does, or `m` and `v`.
    /// - Parameter named: what `namesTrainingState` says of keys; most keys of a network repeat in every layer.
    static func isTrainingState(_ index: Int, in tree: PathTree, named: inout [String: Bool]) -> Bool {
        let node = tree[index]
        let isNamed = named[node.key] ?? namesTrainingState(node.key)
        named[node.key] = isNamed
        if isNamed { return true }
        if node.value == nil, hasAll(["state", "param_groups"], tree, index) { return true }
        guard node.key.utf8.count <= 2 else { return false }
        let key = node.key.lowercased()
        guard moments.contains(key), let parent = node.parent else { return false }
        // A moment has the other beside it; a network's own `v` or `m` has not.
        let other = ["mu": "nu", "nu": "mu", "m": "v", "v": "m"][key] ?? ""
        let siblings = tree[parent].children
        guard siblings.count <= 64 else { return false }
        return siblings.contains { tree[$0].key.lowercased() == other && tree[$0].value == nil } && node.value == nil
            || siblings.contains { tree[$0].key.lowercased() == "count" } && key.count == 2
    }

    private static func namesTrainingState(_ name: String) -> Bool {
        let key = name.lowercased()
        return key.holds("optim") || key.holds("scheduler") || stateKeys.contains(key)
            || key.hasPrefix("opt_") || key.hasSuffix("_opt")
            || words(name).contains { optimizerWords.contains($0) }
    }

    private static func hasAll(_ keys: [String], _ tree: PathTree, _ index: Int) -> Bool {
        let children = tree[index].children
        return keys.allSatisfy { key in children.contains { tree[$0].key == key } }
    }

    private static let optimizerWords: Set = [
        "adam", "adamw", "sgd", "rmsprop", "adagrad", "lbfgs", "momentum", "velocity",
    ]
    private static let moments: Set = ["mu", "nu", "m", "v"]
    private static let stateKeys: Set = [
        "opt", "exp_avg", "exp_avg_sq", "max_exp_avg_sq", "exp_inf", "momentum_buffer", "momentum_buffers",
        "square_avg", "grad_avg", "acc_delta", "sum_of_squares", "grad", "grads", "gradients", "grad_scaler", "scaler",
        "lr_sched",
    ]

    // MARK: Measurements

    /// Whether a name says that an array is a measurement, a coordinate grid, data or a counter, and no part of what
    /// the network computes.
    static func isMeasurement(_ name: String) -> Bool {
        words(name).contains { measurements.contains($0) }
    }

    /// Whether an array is one number that a sine layer is multiplied by: `w0`, as some libraries name it, reads like a
    /// weight.
    static func isFrequency(_ entry: NamedTensor) -> Bool {
        guard entry.tensor.count == 1, entry.tensor.rank <= 1 else { return false }
        let last = entry.name.split(whereSeparator: { $0 == "." || $0 == "/" }).last?.lowercased() ?? ""
        return ["w0", "w_0", "w"].contains(last) || last.contains("omega") || last.contains("freq")
    }

    /// Whether a name says that an array is a matrix of Fourier features, which is applied to the inputs.
    static func isFourierMatrix(_ name: String) -> Bool {
        let words = words(name)
        return words.last == "b" && name.hasSuffix("B") || words.contains { fourierWords.contains($0) }
    }

    private static let fourierWords: Set = [
        "fourier", "rff", "ff", "frequency", "frequencies", "freqs", "gaussian", "encoding", "posenc",
        "bvals", "basis", "projection",
    ]
    private static let measurements: Set = [
        "loss", "losses", "psnr", "psnrs", "mse", "ssim", "history", "curve", "curves", "log", "logs", "grid", "grids",
        "coord", "coords", "coordinate", "coordinates", "xy", "pixels", "image", "images", "img", "target", "targets",
        "label", "labels", "time", "times", "timestamps", "epoch", "epochs", "step", "steps", "lr", "lrs", "metrics",
        "acc", "accuracy", "score", "scores", "names", "index", "indices", "idx", "seed", "rng", "count", "counts",
        "counter", "iter", "iters", "iterations", "train", "val", "valid", "test", "decay", "dataset", "mesh",
        "meshgrid", "points", "samples", "reference", "truth", "gt", "errors", "error", "shape", "size", "sizes",
        "resolution", "num", "tracked",
    ]

    // MARK: Copies

    /// Whether a key says that a network is a copy of another one at another time or averaged, as `ema` and `best` do.
    static func isCopyKey(_ key: String) -> Bool {
        words(key).contains { copyWords.contains($0) }
    }

    /// Whether a key says no more than that it holds a network's parameters.
    static func isWrapperKey(_ key: String) -> Bool {
        let words = words(key)
        return !words.isEmpty && words.allSatisfy { wrapperWords.contains($0) }
    }

    private static let copyWords: Set = [
        "ema", "online", "target", "best", "last", "latest", "final", "student", "teacher", "avg", "average",
        "averaged", "swa", "shadow", "old", "new", "init", "initial", "previous", "prev", "current", "live", "slow",
        "fast", "raw", "backup", "mean", "smoothed", "polyak", "lookahead", "copy", "frozen", "first", "start", "end",
        "before", "after", "pretrained", "finetuned", "checkpoint", "snapshot",
    ]
    private static let wrapperWords: Set = [
        "model", "models", "state", "dict", "net", "network", "params", "param", "parameters", "weights", "module",
        "siren", "inr", "variables",
    ]

    /// The words of a name in lower case, divided at all but letters and where capitals begin.
    static func words(_ name: String) -> [String] {
        var words: [String] = []
        var word = ""
        var previousIsLower = false
        for byte in name.utf8.prefix(512) {
            let lower = byte | 0x20
            guard (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(lower) else {
                if !word.isEmpty { words.append(word) }
                word = ""
                previousIsLower = false
                continue
            }
            let isLower = byte == lower
            if !isLower, previousIsLower, !word.isEmpty {
                words.append(word)
                word = ""
            }
            word.unicodeScalars.append(Unicode.Scalar(lower))
            previousIsLower = isLower
        }
        if !word.isEmpty { words.append(word) }
        return words
    }
}
