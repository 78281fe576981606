#include "compiler/jit/jit_source.hpp"

#include "compiler/codegen/codegen.hpp"
#include "compiler/interface/metadata.hpp"
#include "compiler/jit/fingerprint.hpp"
#include "compiler/jit/object_store.hpp"
#include "lang/errors.hpp"

#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Support/TargetSelect.h>

#include <cstdio>
#include <map>
#include <mutex>

namespace sibyl::jit {

namespace {

template <typename T>
T unwrap(llvm::Expected<T> expected) {
  if (!expected) throw InternalError("linking in memory: " + llvm::toString(expected.takeError()));
  return std::move(*expected);
}

void unwrap(llvm::Error error) {
  if (error) throw InternalError("linking in memory: " + llvm::toString(std::move(error)));
}

class JitSource final : public FunctionSource {
 public:
  JitSource(ir::Model model, JitOptions options)
      : model_(std::move(model)), options_(std::move(options)), store_(options_.cache_directory) {
    if (!options_.note)
      options_.note = [](const std::string& text) { std::fprintf(stderr, "note: %s\n", text.c_str()); };
  }

  sibyl_function find(std::string_view name, Precision precision, int lanes) override {
    const ir::Function* function = model_.find(name);
    if (!function) throw UserError(missing_function(model_.facts, name));
    const codegen::Variant variant{precision, lanes};
    const std::string symbol = function_symbol(name, precision, lanes);
    const std::scoped_lock lock(mutex_);
    if (const auto found = found_.find(symbol); found != found_.end()) return found->second;
    link(object(*function, variant), symbol);
    auto code = unwrap(linker_->lookup(symbol)).toPtr<sibyl_function>();
    found_.emplace(symbol, code);
    return code;
  }

  int preferred_lanes(Precision precision) const override {
    return codegen::preferred_lanes(options_.machine, precision);
  }

 private:
  std::string object(const ir::Function& function, codegen::Variant variant) {
    const std::string key = fingerprint(model_, function, variant, options_.machine);
    if (auto kept = store_.load(key)) return *kept;
    std::string compiled = codegen::emit_object(model_, {{&function, variant}}, options_.machine);
    if (const std::string problem = store_.store(key, compiled); !problem.empty() && !told_) {
      told_ = true;
      options_.note(problem);
    }
    return compiled;
  }

  void link(const std::string& object, const std::string& symbol) {
    if (!linker_) {
      llvm::InitializeNativeTarget(); // the linker asks it about the object format
      linker_ = unwrap(llvm::orc::LLJITBuilder().setPlatformSetUp(llvm::orc::setUpInactivePlatform).create());
    }
    unwrap(linker_->addObjectFile(llvm::MemoryBuffer::getMemBufferCopy(object, symbol)));
  }

  const ir::Model model_;
  JitOptions options_;
  ObjectStore store_;
  std::mutex mutex_;
  std::unique_ptr<llvm::orc::LLJIT> linker_;
  std::map<std::string, sibyl_function> found_;
  bool told_ = false; // about the cache
};

} // namespace

std::shared_ptr<FunctionSource> make_jit_source(ir::Model model, JitOptions options) {
  return std::make_shared<JitSource>(std::move(model), std::move(options));
}

} // namespace sibyl::jit
