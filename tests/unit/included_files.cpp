// `#include`: files in the place of the line that names them, messages that name the file and line they are about, and
// what cannot be included.
#include "compiler/compile.hpp"
#include "lang/errors.hpp"
#include "lang/files/model_text.hpp"
#include "lang/files/text_file.hpp"
#include "lang/format.hpp"
#include "lang/parse.hpp"
#include "runtime/model/simulator.hpp"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace sibyl;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / "sibyl_included_files";
  Folder() {
    fs::remove_all(path);
    fs::create_directories(path / "shared");
  }
  ~Folder() { fs::remove_all(path); }
  std::string write(const std::string& name, const std::string& text) const {
    write_file((path / name).string(), text);
    return (path / name).string();
  }
};

std::string messages(const std::string& path, const std::string& text) {
  const Source source(path, text);
  return render(compile_to_ir(source).diagnostics, {&source}, RenderStyle::plain);
}

} // namespace

TEST_CASE("an included file stands in the place of its line") {
  const Folder folder;
  folder.write("functions.stan", "real twice(real x) {\n  return 2 * x;\n}\n");
  folder.write("shared/priors.stan", "a ~ normal(0, 1);\n#include \"more.stan\"\n");
  folder.write("shared/more.stan", "b ~ normal(a, 1); // no line break at the end");
  const std::string path = folder.write("model.stan", "functions {\n#include functions.stan // the functions\n}\n"
                                                      "parameters { real a; real b; real c; }\nmodel {\n"
                                                      "  #include <priors.stan>\n  c ~ normal(twice(b), 1);\n}\n"
                                                      "/*\n#include nothing.stan\n*/\n");
  const std::string text = read_model_text(path, {(folder.path / "shared").string()});
  const Source source(path, text);
  const Frontend frontend = compile_to_ir(source);
  INFO(render(frontend.diagnostics, {&source}, RenderStyle::plain));
  REQUIRE(frontend.model);
  CHECK(frontend.model->facts.is_generative);
  CHECK_THAT(text, Contains("#include nothing.stan"));
  // Without an include nothing changes.
  CHECK(with_includes("a.stan", "model { }\n") == "model { }\n");
}

TEST_CASE("a name that begins with a slash lies below the folders that are given") {
  const Folder folder;
  folder.write("shared/scale.stan", "real scale;\n");
  const std::string path = folder.write("model.stan", "data {\n#include /shared/scale.stan\n}\n");
  CHECK_THAT(read_model_text(path, {}), Contains("real scale;"));
  const std::string elsewhere = folder.write("shared/model.stan", "data {\n#include /shared/scale.stan\n}\n");
  CHECK_THAT(read_model_text(elsewhere, {folder.path.string()}), Contains("real scale;"));
  CHECK_THROWS_WITH(read_model_text(elsewhere, {}), Contains("there is no file `/shared/scale.stan`"));
}

TEST_CASE("messages name the file that they are about, and its line") {
  const Folder folder;
  const std::string priors = folder.write("priors.stan", "\n  a ~ normal(0, one);\n");
  const std::string path = folder.write(
      "model.stan", "parameters {\n  real a;\n}\nmodel {\n#include priors.stan\n  two ~ normal(a, 1);\n}\n");
  const std::string text = read_model_text(path);
  CHECK(messages(path, text) == "error: `one` is not declared\n --> " + priors +
                                    ":2:17\n  |\n2 |   a ~ normal(0, one);\n  |                 ^^^\n\n"
                                    "error: `two` is not declared\n --> " +
                                    path + ":6:3\n  |\n6 |   two ~ normal(a, 1);\n  |   ^^^\n");
  // A label in another file than the message.
  folder.write("priors.stan", "real a;");
  CHECK_THAT(messages(path, with_includes(path, "parameters {\n  real a;\n#include priors.stan\n}\nmodel { }\n")),
             Contains(":2:") || Contains("::: "));
  // So do failures of the running model, long after the text was read.
  folder.write("priors.stan", "a ~ normal(0, -1);");
  const std::string bad = with_includes(path, "parameters {\n  real a;\n}\nmodel {\n#include priors.stan\n}\n");
  const CompileResult compiled = compile(Source("model.stan", bad));
  REQUIRE(compiled.model);
  CHECK_THROWS_WITH(Simulator(compiled.model, {}).simulate(0, 4, 1), Contains(priors + ":1:15: "));
}

TEST_CASE("what cannot be included is told with its place") {
  const Folder folder;
  folder.write("a.stan", "\n#include b.stan\n");
  folder.write("b.stan", "#include a.stan\n");
  folder.write("empty.stan", "");
  const std::string model = (folder.path / "m.stan").string();
  CHECK_THROWS_WITH(with_includes(model, "#include a.stan\n"),
                    Contains("b.stan:1: ") && Contains("includes itself, by way of this line"));
  CHECK_THROWS_WITH(with_includes(model, "\n#include no.stan\n"),
                    Contains("m.stan:2: there is no file `no.stan` to include in ") && Contains("-I DIRECTORY"));
  CHECK_THROWS_WITH(with_includes(model, "#include no.stan\n", {"shared"}), Contains("neither in ") &&
                                                                               Contains("nor in shared"));
  CHECK_THROWS_WITH(with_includes(model, "#include\n"), Contains("m.stan:1: `#include` names no file"));
  CHECK_THROWS_WITH(with_includes(model, "#include \"a.stan\n"), Contains("names no file"));
  CHECK_NOTHROW(with_includes(model, "#include empty.stan"));
  CHECK_THROWS_AS(read_model_text(folder.path.string()), UserError);
  // Each file twice: a text without end.
  for (int i = 0; i < 40; ++i)
    folder.write("f" + std::to_string(i),
                 "#include f" + std::to_string(i + 1) + "\n#include f" + std::to_string(i + 1) + "\n");
  folder.write("f40", std::string(1000, ' ') + "\n");
  CHECK_THROWS_WITH(with_includes(model, "#include f0\n"), Contains("too long together"));
}

TEST_CASE("the formatter keeps includes") {
  const std::string text = "data {\n  #include data.stan\n  int N;\n}\n#include model.stan\n";
  const Source source("m.stan", text);
  const ParseResult parsed = parse(source, 0, Includes::kept);
  REQUIRE(parsed.program);
  CHECK(format(*parsed.program, source) == text);
  CHECK_FALSE(parse(source).program);
}

TEST_CASE("comments that are no marks move no lines") {
  const Source source("m.stan", "//#\n//#1\n//#x \"a\"\n//#99999999999999 \"a\"\n  //#5 \"b\"\nmodel\n");
  CHECK(source.locate(static_cast<std::uint32_t>(source.text().find("model"))).line == 6);
  CHECK(source.file_at(0) == "m.stan");
}
