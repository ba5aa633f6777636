import CHost
import COpenBLAS
import Glibc

/// Which kernels OpenBLAS uses.
package enum OpenBLASKernels {
    private static let variable = "OPENBLAS_CORETYPE"

    /// Restarts the program with `OPENBLAS_CORETYPE=SKYLAKEX` where OpenBLAS has chosen AVX2 kernels on a processor with
    /// AVX-512, which halves its speed. Must be the first thing that the program does.
    ///
    /// OpenBLAS chooses while it is loaded, before `main`: from that variable, or from the processors that its release
    /// knows. On a newer processor it falls back to AVX2. Returns where the variable is set already, where there is
    /// nothing to gain, or where the restart fails.
    package static func preferAVX512() {
        guard getenv(variable) == nil, host_supports_avx512() != 0, let core = openblas_get_corename(),
            ["haswell", "zen"].contains(String(cString: core).lowercased())
        else { return }
        var program = [CChar](repeating: 0, count: Int(PATH_MAX))
        guard readlink("/proc/self/exe", &program, program.count - 1) > 0, setenv(variable, "SKYLAKEX", 1) == 0 else {
            return
        }
        // The arguments as the process received them: `CommandLine.arguments` repairs what is not UTF-8.
        let arguments = (0..<Int(CommandLine.argc)).map { CommandLine.unsafeArgv[$0] }
        execv(program, arguments + [nil])
        unsetenv(variable)
    }
}
