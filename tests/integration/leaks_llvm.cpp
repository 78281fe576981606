// Stands for a LibTorch that exports names of an LLVM inside it.
namespace llvm {
void shutdown() {}
} // namespace llvm
