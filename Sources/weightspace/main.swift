import Foundation
import Tensors
import ModelStore
import Engine
func load(_ p: String) -> StateDict {
    let d = [UInt8](try! Data(contentsOf: URL(fileURLWithPath: p)))
    let n = (0..<8).reduce(0) { $0 | Int(d[$1]) << (8 * $1) }
    let h = try! JSONSerialization.jsonObject(with: Data(d[8..<8+n])) as! [String: Any]
    var s = StateDict()
    for k in h.keys.sorted() {
        let v = h[k] as! [String: Any]
        if k == "__metadata__" { for (a, b) in v { s.metadata[a] = (b as! String) }; continue }
        let o = v["data_offsets"] as! [Int], sh = v["shape"] as! [Int]
        let b = Array(d[8+n+o[0]..<8+n+o[1]])
        let f = b.withUnsafeBytes { r in (0..<b.count/4).map { Float(bitPattern: r.loadUnaligned(fromByteOffset: $0*4, as: UInt32.self)) } }
        s.set(NamedTensor(name: k, tensor: Tensor(shape: sh, values: f)))
    }
    return s
}
for p in CommandLine.arguments.dropFirst() {
    let name = (p as NSString).lastPathComponent
    do {
        let r = try Verification.run(try GoldenFile(load(p)), pool: WorkerPool(threads: 2))
        let bad = r.filter { !$0.agrees }
        print(r.compactMap(\.roundingFloor), bad.isEmpty ? "ok  " : "BAD ", name, r.map(\.largestError).max()!, bad.map { "\($0.name) \($0.largestError)" })
    } catch { print("ERR ", name, error) }
}
