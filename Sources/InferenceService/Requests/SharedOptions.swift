import Networks
import SIREN
import WeightFormats

/// The options that mean the same on several paths. A path takes those of them that are among its names.
struct SharedOptions: Sendable, Equatable {
    /// Nil where the request names none.
    var model: String?
    var version: String?
    /// Whether one network or picture without an answer fails the request.
    var isStrict = false
    /// From the end of the head; a request that still waits then is answered 504.
    var timeout: Duration?
    /// What the client says of the networks' notation.
    private(set) var claims = NotationClaims()
    /// The path of the member that holds the network, with dots between the keys; nil where it is searched for.
    private(set) var member: String?
    /// The order of the parameters in a flat vector; nil looks at the values.
    private(set) var layout: FlatLayout?
    /// ε of batch normalisation that is folded into layers; nil takes the file's or the library's.
    private(set) var batchNormEpsilon: Double?
    /// The texts of the options of notation, which are read together.
    private var notation: [String: String] = [:]

    /// The options that say how networks are read.
    static let readingNames = ["member", "layout", "batch_norm_eps"] + NotationClaims.optionNames

    /// Takes an option, one of `model`, `version`, `strict`, `timeout_ms` and `readingNames`.
    mutating func set(_ name: String, _ value: String) throws(ServiceFault) {
        switch name {
        case "model": model = value
        case "version": version = value
        case "strict": isStrict = try OptionValue.flag(name, value)
        case "timeout_ms": timeout = try OptionValue.timeout(name, value)
        case "member": member = value.isEmpty ? nil : value
        case "layout": layout = value == "auto" ? nil : try OptionValue.choice(name, value)
        case "batch_norm_eps": batchNormEpsilon = try OptionValue.epsilon(name, value)
        default:
            assert(NotationClaims.optionNames.contains(name), "the option \(name) is read nowhere")
            notation[name] = value
        }
    }

    /// Reads what the options of notation say together, after the last option is taken.
    mutating func finish() throws(ServiceFault) { claims = try OptionValue.claims(notation) }
}
