/// Maps methods and paths to handlers. Literal segments take precedence over parameters with a suffix, and these over
/// whole-segment parameters; the search backtracks. A slash at the end of a path makes no difference.
package struct Router<Handler: Sendable>: Sendable {
    /// A method and a path template, and what serves them.
    package struct Route: Sendable {
        package let method: String
        package let template: String
        package let handler: Handler

        package init(_ method: String, _ template: String, _ handler: Handler) {
            self.method = method
            self.template = template
            self.handler = handler
        }
    }

    /// The route that a request matched.
    package struct Match: Sendable {
        package let handler: Handler
        /// The template as written: a label for metrics, unlike the path, which has unboundedly many values.
        package let template: String
        /// The decoded values of the parameters by name.
        package let parameters: [String: String]

        /// The same match with another handler, where the handler depends on more than method and path.
        package func replacing(_ handler: Handler) -> Match {
            Match(handler: handler, template: template, parameters: parameters)
        }
    }

    /// The result of matching a request.
    package enum Outcome: Sendable {
        case found(Match)
        /// An `OPTIONS` request, to be answered 204 with these methods in `Allow`. `get` is what GET on the path matches.
        case options(allow: [String], template: String?, get: Match?)
        case failed(HTTPError, template: String?)
    }

    /// An error in the table of routes.
    package enum TableError: Error, Equatable {
        case invalidTemplate(String)
        case unknownMethod(String)
        case duplicate(method: String, template: String)
        /// Two templates that match the same paths with different parameter names.
        case ambiguous(String, String)
    }

    private struct Node {
        var literals: [String: Int] = [:]
        var wildcard: Int?
        /// Parameters with text after them.
        var suffixed: [(suffix: String, node: Int)] = []
        var endpoint: Endpoint?
    }

    private struct Endpoint {
        let template: PathTemplate
        /// Of the template's parameters.
        let names: [String]
        var handlers: [String: Handler] = [:]

        init(template: PathTemplate) {
            self.template = template
            names = template.parts.compactMap { part in
                if case .parameter(let name, _) = part { name } else { nil }
            }
        }

        /// HEAD is served with GET, OPTIONS on every path.
        var allow: [String] {
            var methods = Set(handlers.keys).union(["OPTIONS"])
            if handlers["GET"] != nil { methods.insert("HEAD") }
            return methods.sorted()
        }
    }

    private var nodes = [Node()]

    /// Builds the table.
    package init(_ routes: [Route]) throws(TableError) {
        for route in routes { try insert(route) }
    }

    /// The handler for `method` at the target. Methods other than those of RFC 9110, PATCH and QUERY are answered 501.
    package func route(_ method: String, _ target: RequestTarget) -> Outcome {
        guard HTTPMethods.known.contains(method) else {
            return .failed(.unknownMethod(ASCII.quoted(method.utf8)), template: nil)
        }
        if target.path == "*" { return .options(allow: allMethods, template: nil, get: nil) }
        guard target.form != .authority else {
            return .failed(.methodNotAllowed(method, allow: allMethods), template: nil)
        }
        var values: [String] = []
        guard let found = find(Self.withoutEmptyEnd(target.segments), at: 0, values: &values),
            let endpoint = nodes[found].endpoint
        else {
            // TRACE is refused on every path.
            if method == "TRACE" { return .failed(.methodNotAllowed(method, allow: allMethods), template: nil) }
            return .failed(.noSuchPath(ASCII.quoted(target.path.utf8)), template: nil)
        }
        let template = endpoint.template.text
        func match(_ handler: Handler) -> Match {
            let parameters = values.isEmpty ? [:] : Dictionary(zip(endpoint.names, values)) { first, _ in first }
            return Match(handler: handler, template: template, parameters: parameters)
        }
        if let handler = endpoint.handlers[method] ?? (method == "HEAD" ? endpoint.handlers["GET"] : nil) {
            return .found(match(handler))
        }
        if method == "OPTIONS" {
            return .options(allow: endpoint.allow, template: template, get: endpoint.handlers["GET"].map(match))
        }
        return .failed(.methodNotAllowed(method, allow: endpoint.allow), template: template)
    }

    private var allMethods: [String] {
        let all: Set<String> = nodes.reduce(into: ["OPTIONS"]) { $0.formUnion($1.endpoint?.allow ?? []) }
        return all.sorted()
    }

    /// The segments without the empty one that a slash at the end of the path makes. `/` and `//` stay as they are.
    private static func withoutEmptyEnd(_ segments: [String]) -> ArraySlice<String> {
        guard segments.last == "", segments.dropLast().last?.isEmpty == false else { return segments[...] }
        return segments.dropLast()
    }

    /// The node that a path ends at. A depth-first search whose branches for each segment are the literal, the
    /// parameters whose suffix matches and the whole-segment parameter.
    private func find(_ segments: ArraySlice<String>, at index: Int, values: inout [String]) -> Int? {
        guard let segment = segments.first else { return nodes[index].endpoint == nil ? nil : index }
        if let next = nodes[index].literals[segment],
            let found = find(segments.dropFirst(), at: next, values: &values)
        {
            return found
        }
        for (suffix, next) in nodes[index].suffixed where segment.hasSuffix(suffix) && segment.count > suffix.count {
            values.append(String(segment.dropLast(suffix.count)))
            if let found = find(segments.dropFirst(), at: next, values: &values) { return found }
            values.removeLast()
        }
        guard let next = nodes[index].wildcard, !segment.isEmpty else { return nil }
        values.append(segment)
        if let found = find(segments.dropFirst(), at: next, values: &values) { return found }
        values.removeLast()
        return nil
    }

    private mutating func insert(_ route: Route) throws(TableError) {
        guard let template = PathTemplate(route.template) else { throw .invalidTemplate(route.template) }
        guard HTTPMethods.known.contains(route.method) else { throw .unknownMethod(route.method) }
        var index = 0
        for part in template.parts {
            index = child(of: index, for: part)
        }
        var endpoint = nodes[index].endpoint ?? Endpoint(template: template)
        guard endpoint.template == template else { throw .ambiguous(endpoint.template.text, template.text) }
        guard endpoint.handlers.updateValue(route.handler, forKey: route.method) == nil else {
            throw .duplicate(method: route.method, template: template.text)
        }
        nodes[index].endpoint = endpoint
    }

    private mutating func child(of index: Int, for part: PathTemplate.Part) -> Int {
        let existing =
            switch part {
            case .literal(let text): nodes[index].literals[text]
            case .parameter(_, ""): nodes[index].wildcard
            case .parameter(_, let suffix): nodes[index].suffixed.first { $0.suffix == suffix }?.node
            }
        if let existing { return existing }
        let new = nodes.count
        nodes.append(Node())
        switch part {
        case .literal(let text): nodes[index].literals[text] = new
        case .parameter(_, ""): nodes[index].wildcard = new
        case .parameter(_, let suffix): nodes[index].suffixed.append((suffix, new))
        }
        return new
    }
}

/// The methods that are known, whether or not a route has them.
enum HTTPMethods {
    static let known: Set<String> = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY",
    ]
}
