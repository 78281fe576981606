// The grammar and the formatter: precedence, spans, comments, and texts that were damaged at random.
#include "tests/decimal_comma.hpp"
#include "tests/golden.hpp"

#include "lang/ast_print.hpp"
#include "lang/check.hpp"
#include "lang/format.hpp"
#include "lang/library.hpp"
#include "lang/parse.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <random>

using namespace sibyl;
namespace fs = std::filesystem;

namespace {

std::vector<std::string> texts() {
  std::vector<std::string> found;
  for (const char* folder : {"tests/models", "examples"})
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(SIBYL_SOURCE_DIR) / folder))
      if (entry.path().extension() == ".sib" || entry.path().extension() == ".stan")
        found.push_back(test::read_golden(entry.path().string()));
  return found;
}

// The tree of `expression` as the printer brackets it.
std::string shape(const std::string& expression) {
  const Source source("model.sib", "model { target += " + expression + "; }");
  const ParseResult parsed = parse(source);
  INFO(expression);
  REQUIRE(parsed.program);
  const std::string text = to_string(*parsed.program);
  const std::size_t begin = text.find("value: ") + 7;
  return text.substr(begin, text.find('\n', begin) - begin);
}

} // namespace

TEST_CASE("operators bind as Stan's do") {
  CHECK(shape("a + b * c") == "(+ a (* b c))");
  CHECK(shape("a - b - c") == "(- (- a b) c)");
  CHECK(shape("-a ^ b") == "(- (^ a b))");
  CHECK(shape("a ^ b ^ c") == "(^ a (^ b c))");
  CHECK(shape("2 ^ -1") == "(^ 2 (- 1))");
  CHECK(shape("!a == b") == "(== (! a) b)");
  CHECK(shape("a || b && c") == "(|| a (&& b c))");
  CHECK(shape("a < b == c > d") == "(== (< a b) (> c d))");
  CHECK(shape("a * b .* c") == "(.* (* a b) c)");
  CHECK(shape("a * b %/% c") == "(* a (%/% b c))");
  CHECK(shape("a <-1") == "(< a (- 1))");
  CHECK(shape("a \\ b * c") == "(* (\\ a b) c)");
  CHECK(shape("a ? b : c ? d : e") == "(? a b (? c d e))");
  CHECK(shape("x[1]'") == "(' (index x [1]))");
  CHECK(shape("x[2:, :3, i, :]") == "(index x [2:] [:3] [i] [:])");
  CHECK(shape("iffy + int_step(x)") == "(+ iffy (call int_step x))");
}

TEST_CASE("spans cover what was written, without white space") {
  const Source source("model.sib", "model {\n  target += alpha  +  beta[1] ;\n}\n");
  const ParseResult parsed = parse(source);
  REQUIRE(parsed.program);
  const auto& statement = parsed.program->blocks[0].statements[0];
  CHECK(source.slice(statement->span) == "target += alpha  +  beta[1] ;");
  CHECK(source.slice(std::get<ast::TargetIncrement>(statement->node).value->span) == "alpha  +  beta[1]");
}

TEST_CASE("formatting twice changes nothing and keeps the tree and the comments") {
  for (const std::string& text : texts()) {
    const Source source("model.sib", text);
    const ParseResult parsed = parse(source);
    REQUIRE(parsed.program);
    const Source once("model.sib", format(*parsed.program, source));
    INFO(once.text());
    const ParseResult again = parse(once);
    REQUIRE(again.program);
    CHECK(to_string(*again.program) == to_string(*parsed.program));
    CHECK(format(*again.program, once) == once.text());
    CHECK(again.program->comments.size() == parsed.program->comments.size());
  }
}

TEST_CASE("damaged texts give diagnostics inside the text, never a crash") {
  std::mt19937 random(20260101);
  const std::string pieces = "(){}[]<>;,~=+-*/^'|:\"#%.0123abc \n\t\xc3\xa9";
  std::size_t broken = 0;
  for (const std::string& original : texts()) {
    for (int round = 0; round < 40; ++round) {
      std::string text = original;
      const int edits = 1 + static_cast<int>(random() % 4);
      for (int i = 0; i < edits && !text.empty(); ++i) {
        const std::size_t place = random() % text.size();
        switch (random() % 3) {
        case 0: text.erase(place, 1 + random() % 8); break;
        case 1: text.insert(place, 1, pieces[random() % pieces.size()]); break;
        default: text[place] = pieces[random() % pieces.size()];
        }
      }
      const Source source("model.sib", text);
      Diagnostics diagnostics;
      const ParseResult parsed = parse(source);
      diagnostics = parsed.diagnostics;
      if (parsed.program) {
        const CheckResult checked = check(*parsed.program, source);
        diagnostics.insert(diagnostics.end(), checked.diagnostics.begin(), checked.diagnostics.end());
      } else {
        CHECK(has_errors(parsed.diagnostics));
        ++broken;
      }
      for (const Diagnostic& one : diagnostics) {
        CHECK(one.primary.span.begin <= one.primary.span.end);
        CHECK(one.primary.span.end <= text.size());
        INFO(one.message);
        CHECK(one.message.find("boost") == std::string::npos);
        CHECK_FALSE(render(one, {&source}, RenderStyle::plain).empty());
      }
    }
  }
  CHECK(broken > 100);
}

TEST_CASE("deep nesting is refused with its place, not fatal") {
  const std::size_t depth = 60000;
  const auto repeated = [&](const std::string& text) {
    std::string all;
    for (std::size_t i = 0; i < depth; ++i) all += text;
    return all;
  };
  const std::vector<std::string> statements = {
      repeated("if (1) ") + "t = 1;",
      repeated("if (1) {") + "t = 1;" + repeated("}"),
      "if (t > 0) t = 1;" + repeated(" else if (t > 1) t = 2;"),
      repeated("if (1) ") + "t = 1;" + repeated(" else t = 2;"),
      repeated("while (1) ") + "t = 1;",
      repeated("for (i in 1:2) ") + "t = 1;",
      repeated("for (x in v) ") + "t = 1;",
      repeated("{") + repeated("}"),
      "t = " + repeated("(") + "1" + repeated(")") + ";",
      "t = " + repeated("-") + "1;",
      "t = " + repeated("!") + "1;",
      "t = 1" + repeated(" + 1") + ";",
      "t = 1" + repeated(" * 1") + ";",
      "t = 1" + repeated(" && 1") + ";",
      "t = 1" + repeated(" < 1") + ";",
      "t = 1" + repeated("^1") + ";",
      "t = " + repeated("1 ? 1 : ") + "1;",
      "t = " + repeated("1 ? ") + "1" + repeated(" : 1") + ";",
      "t = v" + repeated("'") + ";",
      "t = v" + repeated("[1]") + ";",
      "t = " + repeated("v[") + "1" + repeated("]") + ";",
      "t = " + repeated("exp(") + "1" + repeated(")") + ";",
      "t = " + repeated("{") + "1" + repeated("}") + ";",
      "t = " + repeated("[") + "1" + repeated("]") + ";",
      repeated("array[") + "1" + repeated("]") + " real q;",
      "real<lower=" + repeated("-") + "1> q;",
      "target += 0" + repeated(" + normal_lpdf(t | 0, 1)") + ";",
  };
  for (const std::string& statement : statements) {
    const Source source("model.sib", "model { real t; vector[2] v; " + statement + " }");
    INFO(statement.substr(0, 40));
    const ParseResult parsed = parse(source);
    CHECK_FALSE(parsed.program);
    REQUIRE(parsed.diagnostics.size() == 1);
    CHECK(parsed.diagnostics[0].code == "nesting-too-deep");
    CHECK(parsed.diagnostics[0].primary.span.begin > 29);
    CHECK(parsed.diagnostics[0].primary.span.end < 30 * 1000);
  }
}

TEST_CASE("what is long but not deep is read") {
  std::string list = "{-1", sum = "1";
  for (int i = 0; i < 5000; ++i) list += ", -2.5";
  for (int i = 0; i < 900; ++i) sum += " + 1";
  const ParseResult parsed =
      parse(Source("model.sib", "model { array[5001] real x = " + list + "}; real t = " + sum + "; }"));
  CHECK(parsed.program);
}

TEST_CASE("calls of functions within functions go only so deep") {
  // Callers before or behind their callees.
  for (const bool upwards : {false, true}) {
    std::string functions;
    for (int i = 0; i <= 60000; ++i) {
      const int number = upwards ? i : 60000 - i;
      functions += "real f" + std::to_string(number) + "(real x) { return " +
                   (number == 0 ? "x" : "f" + std::to_string(number - 1) + "(x)") + "; }\n";
    }
    const Source source("model.sib", "functions { " + functions + "} model { target += f60000(1); }");
    const ParseResult parsed = parse(source);
    REQUIRE(parsed.program);
    const CheckResult checked = check(*parsed.program, source);
    CHECK_FALSE(checked.program);
    REQUIRE(checked.diagnostics.size() == 1);
    CHECK(checked.diagnostics[0].code == "calls-too-deep");
  }
}

TEST_CASE("a function that reaches itself is found wherever the call stands") {
  const auto checked = [](const std::string& functions) {
    const Source source("model.sib", "functions { " + functions + " } model { target += f(1); }");
    const ParseResult parsed = parse(source);
    REQUIRE(parsed.program);
    return check(*parsed.program, source);
  };
  for (const char* body : {"return x > 0 ? f(x - 1) : x;", "vector[to_int(1)] v; while (f(x) > 0) return 1; return x;",
                           "print(f(x)); return x;", "array[3] real v; v[1 + (f(x) > 0)] = 1; return x;",
                           "if (x > 0) reject(f(x)); return x;", "return h(x);"}) {
    const CheckResult result = checked("real h(real x) { return f(x); } real f(real x) { " + std::string(body) +
                                       " } real once(real x) { return f(x); }");
    INFO(body);
    REQUIRE(result.program);
    REQUIRE(result.program->functions.size() == 3);
    for (const auto& function : result.program->functions)
      CHECK(function->is_recursive ==
            (function->name == "f" || (function->name == "h" && std::string(body).find('h') == 7)));
  }
  for (const char* refused : {"real f(real x) { return sum(g([x]')); } vector g(vector v) { return g(v); }",
                              "real f(real x) { return g({x}); } real g(array[] real v) { return g(v); }",
                              "real f(real x) { g(x); return x; } void g(real x) { g(x); }"}) {
    const CheckResult result = checked(refused);
    INFO(refused);
    CHECK_FALSE(result.program);
    CHECK(std::any_of(result.diagnostics.begin(), result.diagnostics.end(),
                      [](const Diagnostic& one) { return one.code == "recursive-function"; }));
  }
}

TEST_CASE("the standard library is right and has what the language promises") {
  const auto library = standard_library();
  std::vector<std::string> names;
  for (const auto& distribution : library->distributions) names.push_back(distribution->name);
  for (const char* promised :
       {"normal",      "std_normal",      "student_t", "cauchy",  "lognormal",   "exponential",
        "gamma",       "inv_gamma",       "beta",      "uniform", "logistic",    "double_exponential",
        "bernoulli",   "bernoulli_logit", "binomial",  "poisson", "poisson_log", "neg_binomial_2",
        "categorical", "discrete_range"}) {
    INFO(promised);
    CHECK(std::find(names.begin(), names.end(), promised) != names.end());
  }
  for (const auto& distribution : library->distributions) {
    INFO(distribution->name);
    // Either a distribution of its own, or another one of other arguments.
    CHECK((distribution->log_density != nullptr) == distribution->meanings.empty());
    // Counts whose total is part of what is drawn have a function instead, which is given it.
    const bool by_function = std::any_of(library->functions.begin(), library->functions.end(), [&](const auto& one) {
      return one->name == distribution->name + "_rng";
    });
    CHECK((distribution->sample != nullptr) != (by_function || !distribution->meanings.empty()));
  }
}

TEST_CASE("numbers of a model text are read alike whatever the embedding program's locale is") {
  const test::DecimalComma locale;
  const ParseResult parsed = parse(Source("model.sib", "model { target += 12.5e-1; }"));
  REQUIRE(parsed.program);
  const auto& statement = parsed.program->blocks[0].statements[0];
  const auto& value = std::get<ast::TargetIncrement>(statement->node).value;
  CHECK(std::get<ast::RealLiteral>(value->node).value == 1.25);
}
