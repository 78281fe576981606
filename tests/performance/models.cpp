#include "tests/performance/models.hpp"

#include "lang/errors.hpp"

#include <fstream>
#include <sstream>

namespace sibyl::bench {

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw UserError("cannot read " + path);
  return std::move(text).str();
}

std::shared_ptr<CompiledModel> compile_example(const Places& places, const std::string& path) {
  CompileResult result = compile(Source(path, read_file(places.examples + "/" + path)));
  if (!result.model) throw InternalError("the example " + path + " does not compile");
  return result.model;
}

std::size_t variable(const CompiledModel& model, const std::string& name) {
  const int found = model.facts().find(name);
  if (found < 0) throw InternalError("the model has no variable " + name);
  return static_cast<std::size_t>(found);
}

} // namespace sibyl::bench
