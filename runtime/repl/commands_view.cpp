#include "lang/words.hpp"
#include "runtime/repl/commands.hpp"

#include "compiler/compile.hpp"
#include "lang/errors.hpp"
#include "lang/parse.hpp"
#include "runtime/repl/expression.hpp"
#include "runtime/repl/input.hpp"
#include "runtime/repl/quantity_table.hpp"
#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

namespace sibyl::repl {

namespace {

constexpr std::size_t shown_elements = 40;
constexpr int plot_height = 10, pairs_height = 16;
constexpr std::size_t enough_for_fine_bins = 3000; // with fewer draws, bins of half the size show noise

// What a calculation without a model is about.
CurrentDraws no_draws() {
  CurrentDraws draws;
  draws.model = compile(Source("nothing", "model {}\n")).model;
  draws.origin = "no draws";
  draws.count = 1;
  return draws;
}

EvaluatedExpression evaluated(Workspace& workspace, const ast::ExpressionPtr& expression, std::uint32_t number) {
  const CurrentDraws nothing = workspace.draft().is_empty() ? no_draws() : CurrentDraws{};
  const CurrentDraws& draws = workspace.draft().is_empty() ? nothing : workspace.draws();
  EvaluatedExpression result =
      evaluate(expression, workspace.inputs.at(number), number, draws, workspace.functions_text(), workspace.inputs,
               workspace.surroundings().interrupted);
  if (has_errors(result.diagnostics)) {
    workspace.show(result.diagnostics, workspace.inputs.at(0));
    throw cli::AlreadyReported();
  }
  if (result.failed.count() > 0) workspace.note(describe_failed_draws(result.failed));
  return result;
}

// An expression that is a part of the input: the rest is blanked out, so that places stay.
ast::ExpressionPtr expression_within(Workspace& workspace, std::string_view part, std::uint32_t number) {
  const Source& input = workspace.inputs.at(number);
  const std::size_t begin = input.text().find(part, 1);
  if (begin == std::string_view::npos) throw InternalError("an argument that is not in its input");
  const ExpressionParseResult parsed =
      parse_expression(Source(input.name(), std::string(begin, ' ') + std::string(part)), number);
  if (parsed.expression) return parsed.expression;
  workspace.show(parsed.diagnostics, input);
  throw cli::AlreadyReported();
}

std::string text_of(const Workspace& workspace, const ast::ExpressionPtr& expression, std::uint32_t number) {
  return std::string(workspace.inputs.at(number).slice({expression->span.begin, expression->span.end}));
}

// Elements of arrays and products like a + b need parentheses before an index is put behind them.
std::string indexable(const std::string& text) {
  const bool simple = std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) || c == '_'; });
  return simple ? text : "(" + text + ")";
}

void print_constant(const Workspace& workspace, const EvaluatedExpression& value) {
  if (value.extents.empty()) return workspace.print(cli::format_number(value.values.front()) + "\n");
  std::string text;
  const std::size_t shown = std::min(value.stride(), shown_elements);
  for (std::size_t i = 0; i < shown; ++i) {
    const bool starts_row = value.extents.size() == 2 && i % static_cast<std::size_t>(value.extents[1]) == 0;
    text += (i == 0 ? "[" : starts_row ? "\n " : ", ") + cli::format_number(value.values[i]);
  }
  workspace.print(text + (shown < value.stride() ? ", ...]\n" : "]\n"));
}

// The two arguments of `:pairs`: apart by a comma or white space outside of brackets.
std::pair<std::string_view, std::string_view> two_arguments(std::string_view text) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (std::string_view("([{").find(text[i]) != std::string_view::npos) ++depth;
    if (std::string_view(")]}").find(text[i]) != std::string_view::npos) --depth;
    if (depth == 0 && (text[i] == ' ' || text[i] == ',')) {
      std::string_view rest = trimmed(text.substr(i + 1));
      if (rest.starts_with(",")) rest = trimmed(rest.substr(1));
      if (!rest.empty()) return {text.substr(0, i), rest};
    }
  }
  throw UserError("which two? `:pairs mu sigma`, or `:pairs theta[1], log(tau)`");
}

std::vector<double> numbers_of(Workspace& workspace, std::string_view part, std::uint32_t number) {
  const EvaluatedExpression value = evaluated(workspace, expression_within(workspace, part, number), number);
  if (!value.extents.empty() || !value.reduction.empty())
    throw UserError(fmt::format("`{}` is not one number in each draw", part));
  return value.values;
}

constexpr std::size_t most_draws = 100000000; // a number with a digit too many must not end the session

// The draws in which either is missing.
void drop_missing(std::vector<double>& x, std::vector<double>& y) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i]) || std::isnan(y[i])) continue;
    x[kept] = x[i];
    y[kept++] = y[i];
  }
  x.resize(kept);
  y.resize(kept);
}

struct Setting {
  const char* name;
  std::string (*get)(const Settings&);
  bool (*put)(Settings&, std::string_view); // false: the value is none for it
  std::string values;
};

template <typename Number>
bool read_number(std::string_view text, Number& number, Number least,
                 Number most = std::numeric_limits<Number>::max()) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= least && value <= most)) return false;
  number = value;
  return true;
}

constexpr std::array<const char*, 4> frames = {"auto", "prior", "laplace", "variational"};

const std::vector<Setting>& setting_table() {
  static const std::vector<Setting> table = {
      {"seed", [](const Settings& s) { return std::to_string(s.seed); },
       [](Settings& s, std::string_view text) { return read_number(text, s.seed, std::uint64_t{0}); },
       "a whole number"},
      {"draws", [](const Settings& s) { return std::to_string(s.draws); },
       [](Settings& s, std::string_view text) { return read_number(text, s.draws, std::size_t{2}, most_draws); },
       "how many draws `:sample` makes"},
      {"exact_seconds", [](const Settings& s) { return fmt::format("{:g}", s.exact_seconds); },
       [](Settings& s, std::string_view text) { return read_number(text, s.exact_seconds, 0.0); },
       "what the chains of `:sample exact` may take for each data set"},
      {"prior_draws", [](const Settings& s) { return std::to_string(s.prior_draws); },
       [](Settings& s, std::string_view text) { return read_number(text, s.prior_draws, std::size_t{2}, most_draws); },
       "how many draws `:prior` makes"},
      {"replicates", [](const Settings& s) { return std::to_string(s.replicates); },
       [](Settings& s, std::string_view text) { return read_number(text, s.replicates, std::size_t{2}, most_draws); },
       "how many data sets `:check` simulates"},
      {"threads", [](const Settings& s) { return std::to_string(s.threads); },
       [](Settings& s, std::string_view text) { return read_number(text, s.threads, 1, 1024); },
       "a whole number, up to 1024"},
      {"missing", [](const Settings& s) { return fmt::format("{:g}", s.missing); },
       [](Settings& s, std::string_view text) {
         double share = 0;
         if (!read_number(text, share, 0.0) || share > 0.9) return false;
         s.missing = share;
         return true;
       },
       "share of observed values that `:train` drops, so that missing ones are understood: 0 to 0.9"},
      {"frame", [](const Settings& s) { return std::string(frames[static_cast<std::size_t>(s.frame)]); },
       [](Settings& s, std::string_view text) {
         const auto found = std::ranges::find(frames, text);
         if (found == frames.end()) return false;
         s.frame = static_cast<FrameChoice>(found - frames.begin());
         return true;
       },
       "of the posterior network: auto, prior, laplace or variational"},
      {"self_consistency",
       [](const Settings& s) { return s.self_consistency ? fmt::format("{:g}", *s.self_consistency) : "auto"; },
       [](Settings& s, std::string_view text) {
         double weight = 0;
         if (text == "auto") s.self_consistency.reset();
         else if (!read_number(text, weight, 0.0)) return false;
         else s.self_consistency = weight;
         return true;
       },
       "weight of the variance of the log evidence over draws in `:train`'s loss, where there is a density: a number, "
       "or auto"},
      {"posterior", [](const Settings& s) { return s.posterior; },
       [](Settings& s, std::string_view text) {
         const auto families = list_posterior_families();
         if (std::ranges::find(families, text, &PosteriorFamilyInfo::name) == families.end()) return false;
         s.posterior = text;
         return true;
       },
       "the posterior network's family: " + names_of(list_posterior_families())},
  };
  return table;
}

} // namespace

void show_expression(Workspace& workspace, const ast::ExpressionPtr& expression, std::uint32_t number) {
  const EvaluatedExpression value = evaluated(workspace, expression, number);
  if (!value.reduction.empty()) return workspace.print(cli::format_number(reduce(value)) + "\n");
  if (value.is_constant()) return print_constant(workspace, value);
  const std::string text = text_of(workspace, expression, number);
  if (value.is_condition) {
    double share = 0;
    for (const double one : value.values)
      if (!std::isnan(one)) share += one / static_cast<double>(value.count - value.failed.count());
    return workspace.print(fmt::format("P({}) = {:.4f}\n", text, share));
  }
  const std::string name = value.extents.empty() ? text : indexable(text);
  workspace.print(
      quantity_table("", element_quantities(name, value.extents, value.values, value.is_integer, shown_elements),
                     workspace.surroundings().plot));
  if (value.stride() > shown_elements) workspace.print(fmt::format("  {} more\n", value.stride() - shown_elements));
}

void plot(Workspace& workspace, std::string_view argument, std::uint32_t number) {
  if (argument.empty()) throw UserError("what? `:plot mu`, `:plot exp(mu)`");
  const ast::ExpressionPtr expression = expression_within(workspace, argument, number);
  const EvaluatedExpression value = evaluated(workspace, expression, number);
  if (!value.extents.empty() || !value.reduction.empty()) return show_expression(workspace, expression, number);
  const PlotStyle& style = workspace.surroundings().plot;
  const bool is_fine = value.values.size() >= enough_for_fine_bins;
  const Bins bins = bin(value.values, is_fine ? style.width : style.width / 2, value.is_integer);
  workspace.print(histogram(bins, plot_height, style));
  workspace.print(quantity_table("", {{std::string(argument), value.values, value.is_integer}}, style));
}

void pairs(Workspace& workspace, std::string_view argument, std::uint32_t number) {
  const auto [first, second] = two_arguments(argument);
  std::vector<double> x = numbers_of(workspace, first, number), y = numbers_of(workspace, second, number);
  if (x.size() == y.size()) drop_missing(x, y);
  if (x.size() != y.size() || x.size() < 2) throw UserError("one of the two is the same in all draws");
  PlotStyle style = workspace.surroundings().plot;
  const bool is_fine = x.size() >= enough_for_fine_bins;
  if (!is_fine) style.width = style.width * 2 / 3;
  workspace.print(density_plot(x, y, std::string(first), std::string(second),
                               is_fine ? pairs_height : pairs_height * 2 / 3, style));
  workspace.print(fmt::format("correlation {:.3f}\n", correlation(x, y)));
}

std::vector<std::string> setting_names() {
  std::vector<std::string> names;
  for (const Setting& one : setting_table()) names.push_back(one.name);
  return names;
}

void set(Workspace& workspace, std::string_view argument, std::uint32_t) {
  if (argument.empty()) {
    std::vector<std::vector<std::string>> rows;
    for (const Setting& one : setting_table()) rows.push_back({one.name, one.get(workspace.settings), one.values});
    return workspace.print(cli::format_table({"setting", "value", ""}, rows, 3));
  }
  const std::size_t space = std::min(argument.find_first_of(" ="), argument.size());
  const std::string_view name = argument.substr(0, space);
  std::string_view text = trimmed(argument.substr(space));
  if (text.starts_with("=")) text = trimmed(text.substr(1));
  const auto found = std::ranges::find(setting_table(), name, &Setting::name);
  if (found == setting_table().end()) throw UserError(fmt::format("there is no setting `{}`; `:set` lists them", name));
  if (text.empty()) return workspace.print(found->get(workspace.settings) + "\n");
  if (!found->put(workspace.settings, text))
    throw UserError(fmt::format("`{}` is no value for {}: {}", text, name, found->values));
}

} // namespace sibyl::repl
