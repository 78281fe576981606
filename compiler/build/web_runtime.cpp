#include "compiler/build/web_runtime.hpp"

#include "compiler/build/link.hpp"
#include "compiler/build/process.hpp"
#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"

#include "sibyl_web_configuration.hpp" // generated: web_source_root, web_include_folders, web_version

#include <llvm/ADT/StringExtras.h>
#include <llvm/Support/SHA256.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

namespace sibyl::build {

namespace fs = std::filesystem;

namespace {

// The interface of a page, beside the sampling half of the runtime that CMake lists.
constexpr const char* page_sources[] = {"runtime/standalone/embedded_sampler.cpp", "runtime/standalone/library.cpp",
                                        "runtime/standalone/linked_model.cpp", "runtime/standalone/web/support.cpp"};

// All sources, by their paths below the source root.
const std::vector<std::string>& list_sources() {
  static const std::vector<std::string> sources = [] {
    std::vector<std::string> list;
    for (const char* source : web_sampling_sources)
      list.push_back(fs::path(source).lexically_relative(web_source_root));
    list.insert(list.end(), std::begin(page_sources), std::end(page_sources));
    return list;
  }();
  return sources;
}

// Exceptions are written in the sources and end the call here: runtime/standalone/web/support.cpp. A page has no
// assertions, as no released program has.
const std::vector<std::string> flags = {"-std=c++20",        "-msimd128",    "-ffunction-sections",
                                        "-fdata-sections",   "-fexceptions", "-fignore-exceptions",
                                        "-DFMT_HEADER_ONLY", "-DNDEBUG",     "-w"};

// Headers that most sources read, parsed once: half of the compilation's time.
constexpr char common_headers[] = "#include <fmt/format.h>\n#include <fmt/ranges.h>\n#include <nlohmann/json.hpp>\n"
                                  "#include <algorithm>\n#include <map>\n#include <memory>\n#include <string>\n"
                                  "#include <vector>\n";

// What draws and Newton steps spend their time in; the rest is better small.
std::string optimization(const std::string& source) {
  for (const char* room : {"frames", "inputs", "networks", "posterior", "trust"})
    if (source.starts_with("runtime/" + std::string(room) + "/")) return "-O2";
  return "-Os";
}

fs::path source_root() {
  const fs::path installed = fs::read_symlink("/proc/self/exe").parent_path() / "../share/sibyl/source";
  for (const fs::path& root : {installed, fs::path(web_source_root)})
    if (fs::exists(root / list_sources().back())) return root;
  throw UserError("the runtime's sources, which `build --web` compiles, are not beside the program: install Sibyl "
                  "completely");
}

// Of all that the object is made from: the sources and every header that they may read.
std::string cache_key(const fs::path& root) {
  std::vector<fs::path> files;
  std::set<fs::path> folders;
  for (const std::string& source : list_sources()) {
    files.push_back(root / source);
    folders.insert(files.back().parent_path());
  }
  for (const fs::path& folder : folders)
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path().extension() == ".hpp" || entry.path().extension() == ".h") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  llvm::SHA256 hash;
  for (const std::string& flag : flags) hash.update(flag);
  hash.update(llvm::StringRef(common_headers));
  for (const fs::path& file : files) hash.update(read_file(file.string()));
  const auto digest = hash.final();
  return llvm::toHex(llvm::ArrayRef(digest.data(), digest.size()), /*LowerCase=*/true).substr(0, 32);
}

// The flags of all compilations.
std::vector<std::string> common_arguments(const fs::path& root) {
  std::vector<std::string> arguments = flags;
  arguments.push_back("-I" + root.string());
  // Behind the system's: these folders may also hold headers that are not for WebAssembly.
  for (const char* include : web_include_folders) arguments.insert(arguments.end(), {"-idirafter", include});
  arguments.push_back(std::string("-DSIBYL_VERSION=\"") + web_version + "\"");
  return arguments;
}

std::vector<std::string> compile_all(const fs::path& root, const TemporaryDirectory& folder,
                                     const std::function<void(std::size_t, std::size_t)>& compiling) {
  std::vector<std::string> common_of[2]; // by optimization: a precompiled header serves one
  for (const std::string level : {"-O2", "-Os"}) {
    const std::string header = folder.write("common" + level + ".hpp", common_headers), compiled = header + ".pch";
    std::vector<std::string>& common = common_of[level == "-O2"];
    common = common_arguments(root);
    common.push_back(level);
    std::vector<std::string> arguments = common;
    arguments.insert(arguments.end(), {"-fpch-instantiate-templates", "-x", "c++-header", header, "-o", compiled});
    run_web_compiler(arguments);
    common.insert(common.end(), {"-include-pch", compiled, "-c"});
  }
  const std::vector<std::string>& sources = list_sources();
  std::vector<std::string> objects(sources.size());
  for (std::size_t i = 0; i < sources.size(); ++i) objects[i] = folder.write(std::to_string(i) + ".o", "");
  std::atomic<std::size_t> next{0};
  std::size_t done = 0;
  std::mutex mutex;
  std::exception_ptr error;
  const auto work = [&] {
    for (std::size_t i; (i = next++) < sources.size();) {
      std::vector<std::string> arguments = common_of[optimization(sources[i]) == "-O2"];
      arguments.insert(arguments.end(), {"-o", objects[i], (root / sources[i]).string()});
      try {
        run_web_compiler(arguments);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
        next = sources.size();
        return;
      }
      const std::lock_guard lock(mutex);
      if (compiling) compiling(++done, sources.size());
    }
  };
  {
    std::vector<std::jthread> threads; // joined also where the next one cannot be started
    for (unsigned t = 1; t < std::max(1u, std::thread::hardware_concurrency()); ++t) threads.emplace_back(work);
    work();
  }
  if (error) std::rethrow_exception(error);
  return objects;
}

// The whole path of a program of PATH.
std::optional<std::string> find_program(const std::string& name) {
  const char* variable = std::getenv("PATH");
  const std::string path = variable ? variable : "";
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    const fs::path file = fs::path(path.substr(begin, end - begin)) / name;
    std::error_code ignored;
    if (fs::is_regular_file(file, ignored)) return file.string();
    begin = end + 1;
  }
  return {};
}

constexpr char needed[] = "building a page needs clang 19 with its linker and libraries for WebAssembly (Debian: "
                          "apt-get install clang-19 lld-19 wasi-libc libc++-19-dev-wasm32 libclang-rt-19-dev-wasm32)";

} // namespace

void run_web_compiler(const std::vector<std::string>& arguments) {
  const auto compiler = find_program("clang-19"), linker = find_program("wasm-ld-19");
  if (!compiler || !linker) throw UserError(needed);
  std::vector<std::string> command = {*compiler, "--target=wasm32-wasi", "-fuse-ld=" + *linker};
  command.insert(command.end(), arguments.begin(), arguments.end());
  const ProcessResult result = run_process(command);
  if (result.exit_code == 0) return;
  const bool lacks_library = result.output.find("file not found") != std::string::npos ||
                             result.output.find("cannot open") != std::string::npos ||
                             result.output.find("unable to find library") != std::string::npos;
  if (lacks_library) throw UserError(needed + std::string(":\n") + result.output);
  throw RuntimeError("clang failed for WebAssembly:\n" + result.output);
}

std::string web_runtime_object(const WebRuntimeOptions& options) {
  const fs::path root = source_root();
  const std::string kept =
      options.cache_directory.empty() ? "" : options.cache_directory + "/web-" + cache_key(root) + ".o";
  if (!kept.empty() && fs::exists(kept)) {
    std::error_code ignored;
    fs::last_write_time(kept, fs::file_time_type::clock::now(), ignored); // the cache gives up what is not used
    return read_file(kept);
  }
  const TemporaryDirectory folder;
  std::vector<std::string> arguments = compile_all(root, folder, options.compiling);
  const std::string object = folder.write("runtime.o", "");
  arguments.insert(arguments.end(), {"-r", "-nostdlib", "-o", object});
  run_web_compiler(arguments);
  const std::string bytes = read_file(object);
  if (!kept.empty()) {
    std::error_code ignored; // a cache that cannot be written costs time, no more
    fs::create_directories(options.cache_directory, ignored);
    try {
      write_file(kept, bytes);
    } catch (const std::exception&) {
    }
  }
  return bytes;
}

} // namespace sibyl::build
