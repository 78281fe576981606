// The language server, driven as an editor drives it: framed messages in, what it sends back read from its stream.
#include "runtime/editor/language_server.hpp"
#include "lang/files/text_file.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <sstream>

using Catch::Contains;
using nlohmann::json;

namespace {

std::string framed(const json& message) {
  const std::string text = message.dump();
  return "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text;
}

// An editor with one document.
class Editor {
 public:
  std::string uri = "file:///models/schools.stan";

  void request(const std::string& method, json parameters = json::object()) {
    sent_ += framed({{"jsonrpc", "2.0"}, {"id", ++last_}, {"method", method}, {"params", std::move(parameters)}});
  }
  void notify(const std::string& method, json parameters = json::object()) {
    sent_ += framed({{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(parameters)}});
  }
  void open(const std::string& text) {
    notify("textDocument/didOpen",
           {{"textDocument", {{"uri", uri}, {"languageId", "stan"}, {"version", 1}, {"text", text}}}});
  }
  void change(const std::string& text) {
    notify("textDocument/didChange",
           {{"textDocument", {{"uri", uri}, {"version", 2}}}, {"contentChanges", {{{"text", text}}}}});
  }
  json at(int line, int character) const {
    return {{"textDocument", {{"uri", uri}}}, {"position", {{"line", line}, {"character", character}}}};
  }
  // Everything that was sent back until the server ended; its exit status in `status`.
  std::vector<json> replies(const std::string& raw = "") {
    std::istringstream in(sent_ + raw);
    std::ostringstream out;
    status = sibyl::editor::serve(in, out, {});
    std::vector<json> all;
    const std::string text = out.str();
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t body = text.find("\r\n\r\n", at) + 4;
      const std::size_t size = std::stoul(text.substr(at + 16, body - at - 20));
      all.push_back(json::parse(text.substr(body, size)));
      at = body + size;
    }
    return all;
  }
  int status = -1;

 private:
  std::string sent_;
  int last_ = 0;
};

const std::string schools = "data {\n  int<lower=0> J;\n  array[J] real y;\n  array[J] real<lower=0> sigma;\n}\n"
                            "parameters {\n  real mu;  // η̄ 𝜇\n  real<lower=0> tau;\n  array[J] real theta;\n}\n"
                            "model {\n  mu ~ normal(0, 5);\n  tau ~ cauchy(0, 5);\n  theta ~ normal(mu, tau);\n"
                            "  for (j in 1:J) {\n    y[j] ~ normal(theta[j], sigma[j]);\n  }\n}\n";

} // namespace

TEST_CASE("an editor's session: diagnostics as typed, hover, definition, completion, formatting") {
  Editor editor;
  editor.request("initialize", {{"processId", nullptr}, {"capabilities", json::object()}});
  editor.notify("initialized");
  editor.open(schools);
  std::string wrong = schools;
  wrong.replace(wrong.find("normal(mu, tau)"), 15, "normal(mu, tua)");
  editor.change(wrong);
  editor.change(schools);
  editor.request("textDocument/hover", editor.at(13, 22));      // tau in theta ~ normal(mu, tau)
  editor.request("textDocument/hover", editor.at(12, 9));       // cauchy
  editor.request("textDocument/hover", editor.at(2, 17));       // y
  editor.request("textDocument/definition", editor.at(13, 22)); // tau
  editor.request("textDocument/definition", editor.at(15, 7));  // j, the loop's
  editor.request("textDocument/completion", editor.at(13, 12)); // theta ~ no|rmal
  editor.request("textDocument/completion", editor.at(13, 4));  // th|eta
  std::string untidy = schools;
  untidy.replace(untidy.find("mu ~ normal(0, 5);"), 18, "mu~normal( 0,5 );");
  editor.change(untidy);
  editor.request("textDocument/formatting", {{"textDocument", {{"uri", editor.uri}}}, {"options", json::object()}});
  editor.request("shutdown");
  editor.notify("exit");
  const std::vector<json> all = editor.replies();
  CHECK(editor.status == 0);
  REQUIRE(all.size() == 14);
  CHECK(all[0]["id"] == 1);
  CHECK(all[0]["result"]["capabilities"]["hoverProvider"] == true);

  CHECK(all[1]["method"] == "textDocument/publishDiagnostics");
  CHECK(all[1]["params"]["uri"] == editor.uri);
  CHECK(all[1]["params"]["diagnostics"].empty());
  const json& error = all[2]["params"]["diagnostics"].at(0);
  CHECK(error["severity"] == 1);
  CHECK_THAT(error["message"].get<std::string>(), Contains("`tua` is not declared") && Contains("`tau`"));
  CHECK(error["range"] ==
        json({{"start", {{"line", 13}, {"character", 21}}}, {"end", {{"line", 13}, {"character", 24}}}}));
  CHECK(all[3]["params"]["diagnostics"].empty());

  CHECK_THAT(all[4]["result"]["contents"]["value"].get<std::string>(),
             Contains("real<lower=0> tau") && Contains("**parameter**") && Contains("1 unconstrained"));
  CHECK_THAT(all[5]["result"]["contents"]["value"].get<std::string>(),
             Contains("cauchy(real mu, real sigma)") && Contains("location mu and scale sigma"));
  CHECK_THAT(all[6]["result"]["contents"]["value"].get<std::string>(), Contains("**observed**") && Contains("`J` is "));
  CHECK(all[7]["result"]["range"]["start"] == json({{"line", 7}, {"character", 16}}));
  CHECK(all[8]["result"]["range"]["start"] == json({{"line", 14}, {"character", 7}}));
  const auto labels = [](const json& reply) {
    std::vector<std::string> names;
    for (const json& item : reply["result"]["items"]) names.push_back(item["label"]);
    return names;
  };
  const auto distributions = labels(all[9]);
  CHECK(std::find(distributions.begin(), distributions.end(), "normal") != distributions.end());
  CHECK(std::find(distributions.begin(), distributions.end(), "norm1") == distributions.end());
  CHECK(labels(all[10]) == std::vector<std::string>{"theta"});
  CHECK(all[11]["method"] == "textDocument/publishDiagnostics");
  REQUIRE(all[12]["result"].size() == 1);
  CHECK(all[12]["result"][0]["newText"] == schools);
  CHECK(all[13]["result"].is_null());
}

TEST_CASE("what is being typed keeps what was understood before") {
  Editor editor;
  editor.open(schools);
  std::string half = schools;
  half.insert(half.find("  theta ~ normal"), "  t\n");
  editor.change(half);
  editor.request("textDocument/completion", editor.at(13, 3));
  editor.request("textDocument/hover", editor.at(7, 17));
  const std::vector<json> all = editor.replies();
  CHECK(editor.status == 1); // the input ended without an exit
  REQUIRE(all.size() == 4);
  CHECK_FALSE(all[1]["params"]["diagnostics"].empty());
  std::vector<std::string> names;
  for (const json& item : all[2]["result"]["items"]) names.push_back(item["label"]);
  CHECK(std::find(names.begin(), names.end(), "tau") != names.end());
  CHECK_THAT(all[3]["result"]["contents"]["value"].get<std::string>(), Contains("tau"));
}

TEST_CASE("places count UTF-16 units, and lines behind included files are the editor's") {
  const auto folder = std::filesystem::temp_directory_path() / "sibyl_language_server";
  std::filesystem::create_directories(folder);
  sibyl::write_file((folder / "priors.stan").string(), "a ~ normal(0, 1);\nb ~ normal(nothing, 1);\n");
  Editor editor;
  editor.uri = "file://" + (folder / "m.stan").string();
  editor.open(
      "parameters { /* 𝜇 */ real a; real b; }\nmodel {\n#include priors.stan\n  /* 𝜇 */ a ~ normal(c, 1);\n}\n");
  editor.open("parameters { real a; }\nmodel {\n#include missing.stan\n}\n");
  editor.open("functions {\n#include priors.stan\n}\nmodel { }\n");
  sibyl::write_file((folder / "functions.stan").string(), "real twice(real x) { return 2 * x; }\n");
  editor.open(
      "functions {\n#include functions.stan\n}\nparameters { /* 𝜇 */ real a; }\nmodel { a ~ normal(twice(1), 1); }\n");
  editor.request("textDocument/definition", editor.at(4, 21));
  editor.request("textDocument/definition", editor.at(4, 8));
  const std::vector<json> all = editor.replies();
  std::filesystem::remove_all(folder);
  REQUIRE(all.size() == 6);
  const json& two = all[0]["params"]["diagnostics"];
  REQUIRE(two.size() == 2);
  CHECK(two[0]["range"]["start"]["line"] == 2);
  CHECK_THAT(two[0]["message"].get<std::string>(), Contains("priors.stan:2: `nothing` is not declared"));
  CHECK(two[1]["range"]["start"] == json({{"line", 3}, {"character", 22}}));
  CHECK(all[1]["params"]["diagnostics"][0]["range"]["start"]["line"] == 2);
  CHECK_THAT(all[1]["params"]["diagnostics"][0]["message"].get<std::string>(), Contains("no file `missing.stan`"));
  CHECK_THAT(all[4]["result"]["uri"].get<std::string>(), Contains("functions.stan"));
  CHECK(all[4]["result"]["range"]["start"] == json({{"line", 0}, {"character", 5}}));
  CHECK(all[5]["result"]["range"]["start"] == json({{"line", 3}, {"character", 27}}));
}

TEST_CASE("messages that are none are answered, not obeyed") {
  Editor editor;
  editor.request("textDocument/hover", editor.at(0, 0)); // of a document that is not open
  editor.request("workspace/unheardOf");
  editor.notify("$/cancelRequest", {{"id", 1}});
  editor.notify("textDocument/didOpen", {{"nothing", 1}});
  editor.open("model { }");
  editor.request("textDocument/hover", {{"textDocument", {{"uri", editor.uri}}}, {"position", "here"}});
  editor.request("textDocument/hover", editor.at(1000, -5));
  const std::vector<json> all = editor.replies("Content-Length: 3\r\n\r\n{]}Content-Length: 2\r\n\r\n[]");
  REQUIRE(all.size() == 7);
  CHECK(all[0]["error"]["message"] == "this document is not open");
  CHECK(all[1]["error"]["code"] == -32601);
  CHECK(all[2]["method"] == "textDocument/publishDiagnostics");
  CHECK(all[3].contains("error"));
  CHECK(all[4]["result"].is_null());
  CHECK(all[5]["error"]["code"] == -32700);
  CHECK(all[6]["error"]["code"] == -32600);
}
