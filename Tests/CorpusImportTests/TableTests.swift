import Datasets
import Testing

@testable import CorpusImport

@Suite struct TableTests {
    private func table(_ text: String) throws -> ImportTable { try ImportTable(path: "t", bytes: Array(text.utf8)) }

    @Test("quotes, line ends, a byte order mark and other separators are read")
    func readsDelimitedText() throws {
        let plain = try table("file,label\na.pth,0\nb.pth,1\n")
        #expect(try table("\u{feff}file,label\r\na.pth,0\r\n\r\nb.pth,1").rows == plain.rows)
        #expect(try table("file\tlabel\na.pth\t0\nb.pth\t1\n").rows == plain.rows)
        #expect(try table("file;label\n\"a.pth\";\"0\"\nb.pth;1\n").rows == plain.rows)
        let quoted = try table("file,label\n\"a,\"\"1\"\".pth\",\"Ankle\nboot\"\nb, 7 \n")
        #expect(quoted.rows == [["a,\"1\".pth", "Ankle\nboot"], ["b", "7"]] && quoted.lines == [2, 4])
    }

    @Test(
        "text that is no table is refused with its line",
        arguments: [
            ("", "empty"), ("file,label\n", "expected a line with the columns' names"),
            ("file,label\na,1,2\n", "line 2: expected 2 cells"), ("file,file\na,1\n", "column 'file' is there twice"),
            ("file,label\na,\"1\n", "line 2: a quoted cell that is not closed"),
            ("file,label\na,\"1\"x\n", "line 2: text after the closing quote"),
            ("file,label\na,1\u{0}\n", "line 2: a zero byte"), ("a.pth,1\nb.pth,x\n", "names no known column"),
            ("[{\"file\":[1]}]", "expected a text or number"), ("[3]", "expected an object"),
            ("{\"file\":[\"a\"],\"label\":[1,2]}", "expected an array of 1"),
        ])
    func refuses(_ text: String, _ expected: String) throws {
        let error = #expect(throws: DatasetError.self) { try TableFacts(try table(text), TableOptions()) }
        #expect(error?.description.contains(expected) == true, "\(error?.description ?? "")")
    }

    @Test("a cell of megabytes and bytes that are not UTF-8 are refused")
    func refusesHugeCells() throws {
        let huge = "file,label\n" + String(repeating: "x", count: DelimitedText.longestCell + 2)
        let error = #expect(throws: DatasetError.self) { try table(huge) }
        #expect(error?.description.contains("line 2: a cell of more than") == true)
        let bytes = Array("file,label\na,".utf8) + [0xff, 0x0a]
        let other = #expect(throws: DatasetError.self) { try ImportTable(path: "t", bytes: bytes) }
        #expect(other?.description.contains("not UTF-8") == true)
    }

    @Test(
        "JSON tables of every form have the same rows",
        arguments: [
            #"[{"file":"a.pth","label":3},{"file":"b.pth","label":null}]"#, #"{"a.pth":3,"b.pth":null}"#,
            #"{"file":["a.pth","b.pth"],"label":[3,null]}"#, #"{"a.pth":{"label":3},"b.pth":{"label":null}}"#,
            "{\"file\":\"a.pth\",\"label\":3}\n{\"file\":\"b.pth\"}\n",
        ])
    func readsJSON(_ text: String) throws {
        let facts = try TableFacts(try table(text), TableOptions())
        #expect(facts.files == ["a.pth", "b.pth"] && facts.labels == [3, -1] && facts.classes == nil)
    }

    @Test("a file of splits gives paths, labels and splits")
    func readsSplits() throws {
        let text =
            #"{"train":{"path":["x/a.pth","x/b.pth"],"label":["1","0"]},"val":{"path":["x/c.pth"],"label":["1"]},"test":{"path":[],"label":[]}}"#
        let facts = try TableFacts(try table(text), TableOptions())
        #expect(facts.files == ["x/a.pth", "x/b.pth", "x/c.pth"] && facts.labels == [1, 0, 1])
        #expect(facts.splits == [.training, .training, .validation])
        let lists = try TableFacts(try table(#"{"train":["a"],"test":["b"]}"#), TableOptions())
        #expect(lists.files == ["a", "b"] && lists.splits == [.training, .test])
    }

    @Test("labels are numbers or names, and the classes are in natural or in the given order")
    func labels() throws {
        let names = try table("file,class\na,c10\nb,c9\nc,\n")
        let facts = try TableFacts(names, TableOptions())
        #expect(facts.classes == ["c9", "c10"] && facts.labels == [1, 0, -1])
        var options = TableOptions()
        options.classes = ["c10", "c9"]
        #expect(try TableFacts(names, options).labels == [0, 1, -1])
        options.classes = ["c9"]
        #expect(throws: DatasetError.self) { try TableFacts(names, options) }
        let error = #expect(throws: DatasetError.self) {
            try TableFacts(try table("file,label\na,0.93\n"), TableOptions())
        }
        #expect(error?.description.contains("--target label") == true)
    }

    @Test("numbers become columns, one of them a target, and sources get views")
    func columns() throws {
        let text = "file,accuracy,step,note,source,split\na,0.5,1,x,s1,train\nb,,2,y,s1,train\nc,0.7,3,z,s0,test\n"
        let facts = try TableFacts(try table(text), TableOptions())
        #expect(facts.columns.map(\.name) == ["accuracy", "step"] && facts.targets == ["accuracy"])
        #expect(facts.columns[0].values[1].isNaN && facts.ignored == ["note"])
        #expect(facts.sources == [0, 0, 1] && facts.views == [0, 1, 0])
        var options = TableOptions()
        options.conditions = [try #require(ColumnCondition("step=2.0"))]
        options.targets = ["step"]
        for (condition, files) in [("note!=y", ["a", "c"]), ("accuracy>0.5", ["c"]), ("step<=2", ["a", "b"])] {
            var own = TableOptions()
            own.conditions = [try #require(ColumnCondition(condition))]
            #expect(try TableFacts(try table(text), own).files == files, "\(condition)")
        }
        #expect(ColumnCondition("note<y") == nil && ColumnCondition("=3") == nil)
        #expect(try TableFacts(try table(text), options).files == ["b"])
        let mixed = #expect(throws: DatasetError.self) {
            try TableFacts(try table("file,source,split\na,1,train\nb,1,test\n"), TableOptions())
        }
        #expect(mixed?.description.contains("lines 2 and 3 have one source and different splits") == true)
    }

    @Test("rows find files by the ends of their paths")
    func matchesPaths() {
        let index = PathIndex([
            ("/data/x/a/net1.pth", "a/net1.pth"), ("/data/x/b/net1.pth", "b/net1.pth"),
            ("/data/x/b/net2.pth", "b/net2.pth"),
        ])
        #expect(index.match("a/net1.pth", isOnlyName: false) == .file(0))
        #expect(index.match("/other/machine/b/net1.pth", isOnlyName: false) == .file(1))
        #expect(index.match("x\\b\\net2.pth", isOnlyName: false) == .file(2))
        #expect(index.match("net1.pth", isOnlyName: false) == .several)
        #expect(index.match("net2", isOnlyName: true) == .file(2))
        #expect(index.match("c/net2.pth", isOnlyName: true) == .file(2))
        #expect(index.match("c/net2.pth", isOnlyName: false) == .none)
        #expect(index.match("../x/c/../b/./net2.pth", isOnlyName: false) == .file(2))
        #expect(index.match("../../../etc/passwd", isOnlyName: true) == .none)
        #expect(index.match("", isOnlyName: true) == .none)
    }
}
