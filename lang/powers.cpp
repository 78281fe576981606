#include "lang/powers.hpp"

#include "lang/errors.hpp"
#include "lang/library_sources.hpp"
#include "lang/parse.hpp"
#include "lang/words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>
#include <set>

namespace sibyl {

using ast::ExpressionPtr;
using ast::StatementPtr;

namespace {

struct Rule {
  std::vector<std::string> arguments; // of the distribution
  std::string raised;                 // in terms of them and p
  std::vector<std::string> given;
};

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> result;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = begin;
    while (end < text.size() && is_word(text[end])) ++end;
    if (end > begin && !std::isdigit(static_cast<unsigned char>(text[begin])))
      result.push_back(text.substr(begin, end - begin));
    begin = std::max(end, begin + 1);
  }
  return result;
}

// The distribution's rule, from its file.
std::optional<Rule> find_rule(const std::string& distribution) {
  for (const LibraryText& file : library_texts()) {
    if (file.name != "distributions/" + distribution + ".sib") continue;
    const std::string text(file.text);
    const std::size_t at = text.find("//^ "), definition = text.find("distribution " + distribution + "(");
    if (at == std::string::npos || definition == std::string::npos) return std::nullopt;
    const std::string line = text.substr(at + 4, text.find('\n', at) - at - 4);
    const std::size_t semicolon = line.find(';');
    Rule rule;
    rule.raised = line.substr(0, semicolon);
    if (semicolon != std::string::npos) rule.given = words_of(line.substr(semicolon + 1));
    // "real mu, real sigma": the last word before each comma.
    const std::size_t open = text.find('(', definition), close = text.find(')', definition);
    std::string arguments = text.substr(open + 1, close - open - 1) + ",";
    for (std::size_t begin = 0, comma = arguments.find(','); comma != std::string::npos;
         begin = comma + 1, comma = arguments.find(',', begin)) {
      const std::vector<std::string> words = words_of(arguments.substr(begin, comma - begin));
      if (!words.empty()) rule.arguments.push_back(words.back());
    }
    return rule;
  }
  return std::nullopt;
}

// The rule with the arguments' texts in the place of their names.
std::string raise(const Rule& rule, const std::vector<std::string>& arguments, const char* power) {
  std::string result;
  for (std::size_t begin = 0; begin < rule.raised.size();) {
    std::size_t end = begin;
    while (end < rule.raised.size() && is_word(rule.raised[end])) ++end;
    if (end == begin) {
      result += rule.raised[begin++];
      continue;
    }
    const std::string word = rule.raised.substr(begin, end - begin);
    const auto found = std::find(rule.arguments.begin(), rule.arguments.end(), word);
    // beta has an argument beta.
    const bool is_call = end < rule.raised.size() && rule.raised[end] == '(';
    if (word == "p") result += power;
    else if (found != rule.arguments.end() && !is_call)
      result += "(" + arguments[static_cast<std::size_t>(found - rule.arguments.begin())] + ")";
    else result += word;
    begin = end;
  }
  return result;
}

void collect_names(const ExpressionPtr& expression, std::set<std::string>& names) {
  if (!expression) return;
  std::visit(
      [&](const auto& node) {
        using Node = std::decay_t<decltype(node)>;
        if constexpr (std::is_same_v<Node, ast::VariableReference>) names.insert(node.name);
        if constexpr (requires { node.operand; }) collect_names(node.operand, names);
        if constexpr (requires { node.left; }) collect_names(node.left, names);
        if constexpr (requires { node.right; }) collect_names(node.right, names);
        if constexpr (requires { node.condition; }) collect_names(node.condition, names);
        if constexpr (requires { node.if_true; }) collect_names(node.if_true, names);
        if constexpr (requires { node.if_false; }) collect_names(node.if_false, names);
        if constexpr (requires { node.inner; }) collect_names(node.inner, names);
        if constexpr (requires { node.base; }) collect_names(node.base, names);
        if constexpr (requires { node.arguments; })
          for (const auto& one : node.arguments)
            if constexpr (std::is_same_v<std::decay_t<decltype(one)>, ExpressionPtr>) collect_names(one, names);
        if constexpr (requires { node.elements; })
          for (const auto& one : node.elements) collect_names(one, names);
        if constexpr (std::is_same_v<Node, ast::Index>)
          for (const ast::IndexItem& one : node.items) {
            collect_names(one.first, names);
            collect_names(one.second, names);
          }
      },
      expression->node);
}

// The variable that a statement draws, or a part of it.
std::string root_name(const ExpressionPtr& expression) {
  if (const auto* variable = std::get_if<ast::VariableReference>(&expression->node)) return variable->name;
  if (const auto* index = std::get_if<ast::Index>(&expression->node)) return root_name(index->base);
  if (const auto* inner = std::get_if<ast::Parenthesized>(&expression->node)) return root_name(inner->inner);
  if (const auto* call = std::get_if<ast::Call>(&expression->node); call && call->arguments.size() == 1)
    return root_name(call->arguments[0]); // to_vector(z)
  return "";
}

class Raiser {
 public:
  Raiser(const Source& source, const ast::Program& program) : source_(source), program_(program) {
    for (const ast::ProgramBlock& block : program.blocks)
      for (const StatementPtr& statement : block.statements)
        if (const auto* declaration = std::get_if<ast::Declaration>(&statement->node)) {
          const std::string& name = declaration->name.name;
          if (name == prior_power_name || name == likelihood_power_name)
            throw UserError(fmt::format("{} declares `{}`, which the powers of a sensitivity analysis are called",
                                        source.name(), name));
          if (block.kind == ast::BlockKind::data) data_.insert(name);
          if (block.kind == ast::BlockKind::data || block.kind == ast::BlockKind::transformed_data) given_.insert(name);
          if (block.kind == ast::BlockKind::parameters) parameters_.insert(name);
          if (declaration->type.constraint.lower || declaration->type.constraint.upper) bounded_.insert(name);
        }
    // Data that the model draws are made, not given.
    for (const ast::ProgramBlock& block : program.blocks)
      if (block.kind == ast::BlockKind::model)
        for (const StatementPtr& statement : block.statements) find_drawn(statement);
  }

  TextWithPowers run() {
    for (const ast::ProgramBlock& block : program_.blocks)
      if (block.kind == ast::BlockKind::model)
        for (const StatementPtr& statement : block.statements) visit(statement, {});
    if (!result_.has_prior && !result_.has_likelihood)
      throw UserError(fmt::format("no statement of {} can be raised to a power{}", source_.name(),
                                  result_.notes.empty() ? "" : ": " + result_.notes.front()));
    declare();
    result_.text = std::string(source_.text());
    std::stable_sort(edits_.begin(), edits_.end(), [](const Edit& a, const Edit& b) { return a.begin > b.begin; });
    for (const Edit& edit : edits_) result_.text.replace(edit.begin, edit.end - edit.begin, edit.text);
    return std::move(result_);
  }

 private:
  struct Edit {
    std::size_t begin, end;
    std::string text;
  };

  void find_drawn(const StatementPtr& statement) {
    if (!statement) return;
    std::visit(
        [&](const auto& node) {
          using Node = std::decay_t<decltype(node)>;
          if constexpr (std::is_same_v<Node, ast::Tilde>) given_.erase(root_name(node.left));
          if constexpr (std::is_same_v<Node, ast::Assignment>) given_.erase(root_name(node.target));
          if constexpr (requires { node.body; }) find_drawn(node.body);
          if constexpr (requires { node.then_body; }) find_drawn(node.then_body), find_drawn(node.else_body);
          if constexpr (std::is_same_v<Node, ast::Block>)
            for (const StatementPtr& one : node.statements) find_drawn(one);
        },
        statement->node);
  }

  // `loops`: the variables of the loops around.
  void visit(const StatementPtr& statement, std::set<std::string> loops) {
    if (!statement) return;
    std::visit(
        [&](const auto& node) {
          using Node = std::decay_t<decltype(node)>;
          if constexpr (std::is_same_v<Node, ast::Tilde>) raise_statement(node, statement->span, loops);
          else if constexpr (std::is_same_v<Node, ast::TargetIncrement>)
            result_.notes.push_back(at(statement->span) + "`target +=` stays as it is");
          else if constexpr (std::is_same_v<Node, ast::For>) {
            loops.insert(node.variable.name);
            visit(node.body, loops);
          } else if constexpr (requires { node.body; }) visit(node.body, loops);
          else if constexpr (requires { node.then_body; }) {
            visit(node.then_body, loops);
            visit(node.else_body, loops);
          } else if constexpr (std::is_same_v<Node, ast::Block>)
            for (const StatementPtr& one : node.statements) visit(one, loops);
        },
        statement->node);
  }

  std::string at(Span span) const { return fmt::format("line {}: ", source_.locate(span.begin).line); }

  void raise_statement(const ast::Tilde& tilde, Span span, const std::set<std::string>& loops) {
    const std::string name = root_name(tilde.left);
    const bool is_prior = parameters_.contains(name), is_likelihood = data_.contains(name);
    const auto leave = [&](const std::string& why) {
      result_.notes.push_back(fmt::format("{}`{}` is not raised to a power: {}", at(span), source_.slice(span), why));
    };
    if (!is_prior && !is_likelihood) return leave("it draws what is neither a parameter nor data");
    const std::optional<Rule> rule = find_rule(tilde.distribution.name);
    if (!rule) return leave(fmt::format("{} to a power is no {}", tilde.distribution.name, tilde.distribution.name));
    if (rule->arguments.size() != tilde.arguments.size()) return leave("it has other arguments");
    // Where the distribution is cut off, its mass there depends on all that it is given.
    const bool is_cut = tilde.truncation || bounded_.contains(name);
    for (std::size_t i = 0; i < rule->arguments.size(); ++i) {
      const bool must_be_given =
          is_cut || std::find(rule->given.begin(), rule->given.end(), rule->arguments[i]) != rule->given.end();
      std::set<std::string> names;
      collect_names(tilde.arguments[i], names);
      for (const std::string& one : names)
        if (must_be_given && !given_.contains(one) && !loops.contains(one))
          return leave(fmt::format("its constant depends on `{}`, which the data do not give", one));
    }
    if (tilde.truncation)
      for (const ExpressionPtr& bound : {tilde.truncation->lower, tilde.truncation->upper}) {
        std::set<std::string> names;
        collect_names(bound, names);
        for (const std::string& one : names)
          if (!given_.contains(one) && !loops.contains(one))
            return leave(fmt::format("it is cut off at `{}`, which the data do not give", one));
      }
    std::vector<std::string> arguments;
    std::size_t end = tilde.distribution.span.end;
    for (const ExpressionPtr& one : tilde.arguments) {
      arguments.emplace_back(source_.slice(one->span));
      end = one->span.end;
    }
    end = source_.text().find(')', end) + 1;
    std::string text = raise(*rule, arguments, is_prior ? prior_power_name : likelihood_power_name);
    const std::string_view old =
        source_.text().substr(tilde.distribution.span.begin, end - tilde.distribution.span.begin);
    // What follows stays on its line.
    const auto lines = std::count(old.begin(), old.end(), '\n') - std::count(text.begin(), text.end(), '\n');
    text.append(static_cast<std::size_t>(std::max<std::ptrdiff_t>(0, lines)), '\n');
    edits_.push_back({tilde.distribution.span.begin, end, std::move(text)});
    (is_prior ? result_.has_prior : result_.has_likelihood) = true;
  }

  void declare() {
    std::string declared, drawn;
    for (const auto& [is_there, name] :
         {std::pair(result_.has_prior, prior_power_name), std::pair(result_.has_likelihood, likelihood_power_name)}) {
      if (!is_there) continue;
      declared += fmt::format(" real<lower=0.5, upper=2> {};", name);
      drawn += fmt::format(" {} ~ uniform(0.5, 2);", name);
    }
    std::string added;
    if (!add_to(ast::BlockKind::data, declared)) added += "data {" + declared + " } ";
    if (!add_to(ast::BlockKind::design, drawn)) added += "design {" + drawn + " } ";
    if (added.empty()) return;
    // In front of the first block that may use them, on its line.
    std::size_t place = source_.text().size();
    for (const ast::ProgramBlock& block : program_.blocks)
      if (block.kind != ast::BlockKind::functions && block.kind != ast::BlockKind::data &&
          block.kind != ast::BlockKind::design) {
        place = block.span.begin;
        break;
      }
    edits_.push_back({place, place, added});
  }

  bool add_to(ast::BlockKind kind, const std::string& statements) {
    for (const ast::ProgramBlock& block : program_.blocks) {
      if (block.kind != kind) continue;
      const std::size_t brace = block.span.begin + source_.slice(block.span).rfind('}');
      edits_.push_back({brace, brace, statements + " "});
      return true;
    }
    return false;
  }

  const Source& source_;
  const ast::Program& program_;
  std::set<std::string> data_, given_, parameters_, bounded_;
  std::vector<Edit> edits_;
  TextWithPowers result_;
};

} // namespace

TextWithPowers with_powers(const Source& source) {
  const ParseResult parsed = parse(source);
  if (!parsed.program) return {std::string(source.text()), false, false, {}};
  return Raiser(source, *parsed.program).run();
}

} // namespace sibyl
