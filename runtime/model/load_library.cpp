// Models in libraries that `sibyl compile --shared` wrote.
#include "runtime/model/load_library.hpp"

#include "compiler/interface/metadata.hpp"
#include "lang/errors.hpp"
#include "runtime/model/processor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include <dlfcn.h>

namespace sibyl {

namespace {

// A library in memory; its functions live as long as it is open.
class LibrarySource final : public FunctionSource {
 public:
  explicit LibrarySource(const std::string& path) : path_(path) {
    // Without a slash dlopen would search the system's directories instead.
    const std::string file = std::filesystem::absolute(path).string();
    if (!std::filesystem::exists(file)) throw UserError("there is no file " + path);
    library_ = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library_) throw UserError(path + " cannot be loaded: " + dlerror());
    const auto* text = static_cast<const char*>(dlsym(library_, "sibyl_metadata"));
    if (!text) {
      dlclose(library_);
      throw UserError(path + " is a library, but not one that `sibyl compile --shared` has written");
    }
    try {
      metadata = metadata_from_text(text, path);
      check_processor();
    } catch (...) {
      dlclose(library_);
      throw;
    }
  }
  ~LibrarySource() override { dlclose(library_); }
  LibrarySource(const LibrarySource&) = delete;
  LibrarySource& operator=(const LibrarySource&) = delete;

  sibyl_function find(std::string_view function, Precision precision, int lanes) override {
    const std::string symbol = function_symbol(function, precision, lanes);
    if (void* code = dlsym(library_, symbol.c_str())) return reinterpret_cast<sibyl_function>(code);
    const auto& entries = metadata.entries;
    if (std::find(entries.begin(), entries.end(), function) == entries.end())
      throw UserError(missing_function(metadata.facts, function));
    throw UserError(fmt::format("{} has code of `{}` for {} lanes, not for {}", path_, function,
                                preferred_lanes(precision), lanes));
  }

  int preferred_lanes(Precision precision) const override {
    return precision == Precision::f32 ? metadata.lanes_f32 : metadata.lanes_f64;
  }

  Metadata metadata;

 private:
  // Better a sentence now than an illegal instruction later.
  void check_processor() const {
    if (metadata.vector_bits > processor_vector_bits())
      throw UserError(fmt::format("{} was built for processors of level {}, and this one lacks its {}-bit vectors: "
                                  "compile the model again with --cpu x86-64-v2",
                                  path_, metadata.processor, metadata.vector_bits));
  }

  std::string path_;
  void* library_ = nullptr;
};

} // namespace

std::shared_ptr<CompiledModel> load_compiled_model(const std::string& path) {
  auto source = std::make_shared<LibrarySource>(path);
  const Metadata& metadata = source->metadata;
  return std::make_shared<CompiledModel>(metadata.name, metadata.text, metadata.facts, metadata.messages, source);
}

} // namespace sibyl
