#include "compiler/build/web_page.hpp"

#include "compiler/build/link.hpp"
#include "compiler/codegen/codegen.hpp"
#include "lang/errors.hpp"
#include "lang/files/text_file.hpp"

#include "lang/words.hpp"
#include "sibyl_embedded_files.hpp"

#include <zlib.h>

namespace sibyl::build {

namespace {

std::string compress(const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::string result(size, '\0');
  if (compress2(reinterpret_cast<Bytef*>(result.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
                bytes.size(), Z_BEST_COMPRESSION) != Z_OK)
    throw RuntimeError("out of memory to compress the page");
  result.resize(size);
  return result;
}

std::string base64(const std::string& bytes) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve(bytes.size() / 3 * 4 + 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t here = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) group = group << 8 | (j < here ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j) text += j <= here ? digits[group >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

void fill_in(std::string& page, const std::string& place, const std::string& text) {
  for (std::size_t at = page.find(place); at != std::string::npos; at = page.find(place, at + text.size()))
    page.replace(at, place.size(), text);
}

// One WebAssembly module of model, weights and runtime.
std::string link_module(const TrainedModel& trained, const WebRuntimeOptions& options) {
  const codegen::Machine machine = codegen::browser_machine();
  const TemporaryDirectory folder;
  const std::string module = folder.write("sampler.wasm", "");
  std::vector<std::string> arguments = {folder.write("runtime.o", web_runtime_object(options)),
                                        folder.write("code.o", emit_sampling_code(trained, machine)),
                                        folder.write("data.o", emit_sampler_data(trained, machine)),
                                        "-mexec-model=reactor",
                                        "-lc++",
                                        "-lc++abi",
                                        "-Wl,--stack-first",
                                        "-Wl,-z,stack-size=1048576",
                                        "-Wl,--gc-sections",
                                        "-Wl,--strip-all",
                                        "-o",
                                        module};
  for (const char* name : {"sibyl_sampler_info", "sibyl_sampler_sample_text", "sibyl_sampler_free",
                           "sibyl_sampler_last_error", "malloc", "free"})
    arguments.push_back(std::string("-Wl,--export=") + name);
  run_web_compiler(arguments);
  return read_file(module);
}

} // namespace

void build_web_page(const TrainedModel& trained, const std::string& output, const WebRuntimeOptions& options) {
  OutputFile file(output);
  const std::string module = link_module(trained, options);
  std::string page = page_html;
  fill_in(page, "{{style}}", page_style);
  fill_in(page, "{{worker}}", page_worker);
  fill_in(page, "{{plots}}", page_plots);
  fill_in(page, "{{script}}", page_script);
  fill_in(page, "{{model}}", escaped_html(trained.name));
  fill_in(page, "{{module}}", base64(compress(module)));
  file.write(page);
  file.commit();
}

} // namespace sibyl::build
