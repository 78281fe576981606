#include "lang/check.hpp"
#include "lang/check/checker.hpp"
#include "lang/check/primitives.hpp"
#include "lang/check/stan_functions.hpp"
#include "lang/library.hpp"

#include <algorithm>
#include <utility>

namespace sibyl {

namespace checking {

using ast::BlockKind;

namespace {

// The order in which blocks see each other's variables, whatever their order in the text.
constexpr BlockKind checking_order[] = {BlockKind::functions,
                                        BlockKind::data,
                                        BlockKind::transformed_data,
                                        BlockKind::design,
                                        BlockKind::parameters,
                                        BlockKind::transformed_parameters,
                                        BlockKind::model,
                                        BlockKind::generated_quantities};

const char* block_name(BlockKind kind) {
  static constexpr const char* names[] = {
      "functions",           "data", "design", "transformed data", "parameters", "transformed parameters", "model",
      "generated quantities"};
  return names[static_cast<int>(kind)];
}

Type type_of(const ast::UnsizedType& type) {
  if (!type.base) return {Base::none, 0};
  if (!type.parts.empty()) {
    std::vector<Type> parts;
    for (const ast::UnsizedType& one : type.parts) parts.push_back(type_of(one));
    return tuple_type(parts, type.array_dimensions);
  }
  switch (*type.base) {
  case ast::BaseType::integer: return {Base::integer, type.array_dimensions};
  case ast::BaseType::real: return {Base::real, type.array_dimensions};
  case ast::BaseType::row_vector: return {Base::row_vector, type.array_dimensions};
  case ast::BaseType::matrix: return {Base::matrix, type.array_dimensions};
  default: return {Base::vector, type.array_dimensions};
  }
}

} // namespace

std::vector<std::shared_ptr<const typed::Function>> Names::functions(const std::string& name) const {
  std::vector<std::shared_ptr<const typed::Function>> all;
  if (const auto found = own.find(name); found != own.end()) all = found->second;
  const auto& of_library = library_functions(name);
  all.insert(all.end(), of_library.begin(), of_library.end());
  return all;
}

void Checker::declare_function(const ast::FunctionDefinition& definition,
                               const std::vector<ast::Argument>& extra_arguments, typed::Function& function) {
  function.name = definition.name.name;
  function.result = type_of(definition.result);
  function.elementwise = definition.elementwise;
  function.span = definition.name.span;
  std::vector<ast::Argument> all = definition.arguments;
  all.insert(all.end(), extra_arguments.begin(), extra_arguments.end());
  for (const ast::Argument& argument : all) {
    const Type type = type_of(argument.type);
    function.signature.push_back(type);
    std::size_t number = 0;
    for (const Type& leaf : leaf_types(type)) {
      function.data_only.push_back(argument.data_only);
      typed::Variable variable{.name = argument.name.name, .type = leaf};
      if (type.parts) variable.name += ":" + std::to_string(++number);
      variable.block = typed::Block::function;
      variable.is_local = variable.is_argument = true;
      variable.span = argument.name.span;
      variable.type_text = to_string(variable.type);
      function.arguments.push_back(static_cast<typed::VariableId>(function.variables.size()));
      function.variables.push_back(std::move(variable));
    }
  }
}

void Checker::check_body(const ast::FunctionDefinition& definition, typed::Function& function) {
  std::vector<typed::Variable>* outer_variables = variables_;
  auto outer_scopes = std::move(scopes_);
  auto outer_tuples = std::exchange(tuples_, {});
  variables_ = &function.variables;
  scopes_.assign(1, {});
  in_function_ = true;
  function_ = &function;
  block_ = BlockKind::functions;
  declare_arguments(function);
  function.body = statement(definition.body);
  if (function.body && function.result.base != Base::none && !always_returns(function.body))
    error(definition.name.span, "missing-return", "`" + function.name + "` can end without returning a value");
  in_function_ = false;
  function_ = nullptr;
  scopes_ = std::move(outer_scopes);
  tuples_ = std::move(outer_tuples);
  variables_ = outer_variables;
}

// What a function's name promises of its signature: `_lpdf` is the log density of a real, `_lpmf` the log mass of an
// int.
void Checker::check_suffix(const ast::FunctionDefinition& definition, const typed::Function& function) {
  const auto ends = [&](const char* suffix) { return function.name.ends_with(suffix); };
  const bool is_density = ends("_lpdf"), is_mass = ends("_lpmf");
  const auto wrong = [&](const std::string& message) {
    error(definition.name.span, "suffix-signature", "`" + function.name + "` " + message);
  };
  for (const char* unnormalized : {"_lupdf", "_lupmf"})
    if (ends(unnormalized)) wrong("cannot be defined: define the density, whose unnormalized form comes with it");
  if (is_density || is_mass || ends("_lcdf") || ends("_lccdf") || ends("_cdf")) {
    if (function.result != Type{Base::real, 0}) return wrong("must return `real`");
    if (function.arguments.empty()) return wrong("needs the outcome as its first argument");
  }
  if (!is_density && !is_mass) return;
  const bool is_integer = function.variables[function.arguments.front()].type.is_integer_valued();
  if (is_density && is_integer) wrong("is a density, but its outcome is an int: a log mass ends in `_lpmf`");
  if (is_mass && !is_integer) wrong("is a mass, but its outcome is no int: a log density ends in `_lpdf`");
}

// Whether the library has a function of that name for these very arguments, which a text cannot define anew.
static bool is_in_library(const typed::Function& function) {
  static constexpr const char* suffixes[] = {"_lpdf", "_lpmf", "_lcdf", "_lccdf", "_cdf", "_rng"};
  for (const std::string suffix : suffixes) {
    if (!function.name.ends_with(suffix)) continue;
    const auto distribution = library_distribution(function.name.substr(0, function.name.size() - suffix.size()));
    if (!distribution || !distribution->meanings.empty()) continue;
    std::vector<Type> wanted = distribution->parameters;
    const bool is_draw = suffix == "_rng";
    if (!is_draw) wanted.insert(wanted.begin(), distribution->outcome);
    if (is_draw && distribution->given_sizes() > 0) continue;
    bool same = wanted.size() == function.signature.size();
    for (std::size_t i = 0; same && i < wanted.size(); ++i) {
      const Type given = function.signature[i];
      const bool is_row = wanted[i].is_scalar() && given.rank() == 1 &&
                          (given.base_rank() == 1 ? wanted[i].base == Base::real : given.base == wanted[i].base);
      same = given == wanted[i] || is_row;
    }
    if (same) return true;
  }
  if (!is_function_of_stan(function.name)) return false;
  const Primitive* primitive = find_primitive(function.name);
  const auto is_number_or_row = [](const Type& type) { return !type.parts && type.base != Base::none; };
  if (primitive && primitive->builtin == typed::Builtin::math)
    return function.signature.size() == static_cast<std::size_t>(primitive->math_arguments) &&
           std::all_of(function.signature.begin(), function.signature.end(), is_number_or_row) &&
           (function.signature.size() == 1 || function.signature.front() == function.signature.back());
  if (primitive && primitive->result && primitive->result(function.signature)) return true;
  const auto& overloads = library_functions(function.name);
  return std::any_of(overloads.begin(), overloads.end(), [&](const auto& one) {
    if (one->signature == function.signature) return true;
    return one->elementwise && one->signature.size() == 1 && function.signature.size() == 1 &&
           is_number_or_row(function.signature[0]);
  });
}

void Checker::check_new_function(const ast::FunctionDefinition& definition, const typed::Function& function) {
  for (const ast::Argument& argument : definition.arguments)
    if (!argument.type.base && argument.type.parts.empty())
      error(argument.type.span, "void-argument", "an argument cannot be `void`");
  if (is_in_library(function))
    error(definition.name.span, "redefined-library-function",
          "`" + function.name + "` is a function of the library for these arguments")
        .notes.push_back("choose another name; other arguments make it an overload");
}

// Functions may be used before they are defined, so that a declaration alone says nothing new; but it must be kept,
// later.
void Checker::check_promises(const std::vector<const ast::FunctionDefinition*>& promised,
                             const std::vector<const ast::FunctionDefinition*>& definitions,
                             const std::vector<std::shared_ptr<typed::Function>>& declared) {
  std::vector<typed::Function> before;
  for (const ast::FunctionDefinition* one : promised) {
    typed::Function function;
    declare_function(*one, {}, function);
    const auto is_same = [&](const typed::Function& other) {
      return other.name == function.name && other.signature == function.signature;
    };
    if (const auto again = std::find_if(before.begin(), before.end(), is_same); again != before.end())
      error(one->name.span, "redefined-function", "`" + function.name + "` is declared twice")
          .secondary.push_back({again->span, "declared here before"});
    before.push_back(function);
    const auto found =
        std::find_if(declared.begin(), declared.end(), [&](const auto& other) { return is_same(*other); });
    if (found == declared.end()) {
      error(one->name.span, "undefined-function", "`" + function.name + "` is declared but never defined");
      continue;
    }
    const typed::Function& defined = **found;
    const ast::FunctionDefinition& definition = *definitions[static_cast<std::size_t>(found - declared.begin())];
    if (definition.span.begin < one->span.begin)
      error(one->name.span, "redefined-function", "`" + function.name + "` is already defined")
          .secondary.push_back({defined.span, "defined here"});
    else if (defined.result != function.result || defined.data_only != function.data_only)
      error(definition.name.span, "redefined-function", "`" + function.name + "` is not what was declared")
          .secondary.push_back({function.span, "declared here"});
  }
}

void Checker::user_functions(const ast::ProgramBlock& block) {
  std::vector<std::shared_ptr<typed::Function>> declared;
  std::vector<const ast::FunctionDefinition*> definitions, promised;
  for (const ast::FunctionDefinition& definition : block.functions) {
    auto function = std::make_shared<typed::Function>();
    declare_function(definition, {}, *function);
    function->draws = function->name.ends_with("_rng");
    if (!definition.body) {
      promised.push_back(&definition);
      continue;
    }
    check_suffix(definition, *function);
    check_new_function(definition, *function);
    auto& overloads = names_.own[function->name];
    for (const auto& earlier : overloads)
      if (earlier->span.source == 0) {
        if (earlier->signature == function->signature)
          error(definition.name.span, "redefined-function", "`" + function->name + "` is defined twice")
              .secondary.push_back({earlier->span, "defined here before"});
      }
    overloads.insert(overloads.begin(), function);
    declared.push_back(std::move(function));
    definitions.push_back(&definition);
  }
  check_promises(promised, definitions, declared);
  for (std::size_t i = 0; i < declared.size(); ++i) check_body(*definitions[i], *declared[i]);

  if (check_depth_of_calls(declared)) check_recursion(declared);
  own_functions_.insert(own_functions_.end(), declared.begin(), declared.end());
}

// Breadth first, on a list of our own: the text may call as deep as it likes.
bool Checker::may_reach(const typed::Function& from, const typed::Function& to) const {
  std::set<const typed::Function*> seen;
  std::vector<const typed::Function*> open{&from};
  while (!open.empty()) {
    const auto found = calls_.find(open.back());
    open.pop_back();
    if (found == calls_.end()) continue;
    for (const typed::Function* callee : found->second) {
      if (callee == &to) return true;
      if (seen.insert(callee).second) open.push_back(callee);
    }
  }
  return false;
}

// A function that calls itself is not inlined, and what is not inlined are functions of numbers.
void Checker::check_recursion(const std::vector<std::shared_ptr<typed::Function>>& declared) {
  for (const auto& function : declared) {
    if (!may_reach(*function, *function)) continue;
    function->is_recursive = true;
    const bool takes_numbers =
        std::all_of(function->arguments.begin(), function->arguments.end(),
                    [&](typed::VariableId id) { return function->variables[id].type.is_scalar(); });
    const std::string itself = "`" + function->name + "` calls itself";
    if (function->result.base == Base::none || !function->result.is_scalar() || !takes_numbers)
      error(function->span, "recursive-function",
            itself + "; that is available to functions of numbers that return one");
    else if (function->draws || function->name.ends_with("_lp") || function->name.ends_with("_jacobian"))
      error(function->span, "recursive-function", itself + "; a function that draws or adds to the density cannot");
  }
}

// Functions are inlined: calls within calls may go only so deep, apart from recursion. Callees are settled before their
// callers, on a list of our own: the text may call as deep as it likes. Whether some call goes round.
bool Checker::check_depth_of_calls(const std::vector<std::shared_ptr<typed::Function>>& declared) {
  constexpr int deepest_call = 100;
  std::map<const typed::Function*, int> depths; // 0: being settled
  bool goes_round = false;
  for (const auto& function : declared) {
    std::vector<const typed::Function*> open{function.get()};
    while (!open.empty()) {
      const typed::Function* top = open.back();
      const bool is_new = depths.emplace(top, 0).second;
      if (!is_new && depths[top] > 0) {
        open.pop_back();
        continue;
      }
      int depth = 1;
      bool waits = false;
      for (const typed::Function* callee : calls_[top]) {
        const auto known = depths.find(callee);
        if (known == depths.end()) {
          open.push_back(callee);
          waits = true;
        } else {
          goes_round = goes_round || known->second == 0;
          depth = std::max(depth, known->second + 1);
        }
      }
      if (waits) continue;
      if (depth > deepest_call) {
        error(top->span, "calls-too-deep",
              "the calls in `" + top->name + "` go too deep: functions are inlined, at most " +
                  std::to_string(deepest_call) + " within each other");
        return false;
      }
      depths[top] = depth;
      open.pop_back();
    }
  }
  return goes_round;
}

void Checker::check_block(const ast::ProgramBlock& block, Statements& into) {
  block_ = block.kind;
  nesting_ = 0;
  const bool declarations_only = block.kind == BlockKind::data || block.kind == BlockKind::parameters;
  const bool own_scope = block.kind == BlockKind::model || block.kind == BlockKind::design;
  if (own_scope) scopes_.emplace_back();
  for (const ast::StatementPtr& one : block.statements) {
    if (declarations_only && !std::holds_alternative<ast::Declaration>(one->node) &&
        !std::holds_alternative<ast::Empty>(one->node)) {
      error(one->span, "statement-in-declarations",
            std::string("the ") + block_name(block.kind) + " block holds declarations only");
      continue;
    }
    add_statement(one, into);
  }
  if (own_scope) scopes_.pop_back();
}

typed::Program Checker::check_program(const ast::Program& tree) {
  typed::Program program;
  variables_ = &program.variables;
  scopes_.assign(1, {});
  for (const ast::ProgramBlock& block : tree.blocks)
    for (const ast::StatementPtr& one : block.statements)
      if (const auto* declaration = std::get_if<ast::Declaration>(&one->node))
        declared_anywhere_.emplace(declaration->name.name, declaration->name.span);
  for (const BlockKind kind : checking_order) {
    const ast::ProgramBlock* first = nullptr;
    for (const ast::ProgramBlock& block : tree.blocks) {
      if (block.kind != kind) continue;
      if (first) {
        error(block.keyword, "repeated-block", std::string("there is already a block `") + block_name(kind) + "`")
            .secondary.push_back({first->keyword, "the first one"});
        continue;
      }
      first = &block;
      switch (kind) {
      case BlockKind::functions: user_functions(block); break;
      case BlockKind::data: check_block(block, program.data); break;
      case BlockKind::transformed_data: check_block(block, program.transformed_data); break;
      case BlockKind::design: check_block(block, program.design); break;
      case BlockKind::parameters: check_block(block, program.parameters); break;
      case BlockKind::transformed_parameters: check_block(block, program.transformed_parameters); break;
      case BlockKind::model: check_block(block, program.model); break;
      case BlockKind::generated_quantities: check_block(block, program.generated_quantities); break;
      }
    }
  }
  program.functions = own_functions_;
  if (!has_errors(diagnostics_)) spread_accumulators(program);
  warn_about_unused(program);
  return program;
}

void Checker::warn_about_unused(const typed::Program& program) {
  if (has_errors(diagnostics_)) return;
  for (typed::VariableId id = 0; id < program.variables.size(); ++id) {
    const typed::Variable& variable = program.variables[id];
    const bool is_output =
        variable.block == typed::Block::generated_quantities || variable.block == typed::Block::transformed_parameters;
    if (used_.contains(id) || (is_output && !variable.is_local) || variable.block == typed::Block::data) continue;
    const std::string name = variable.name.substr(0, variable.name.find(':')); // of the tuple that it is part of
    Diagnostic warning = mistake(variable.span, "unused-variable", "`" + name + "` is never used");
    warning.severity = Severity::warning;
    diagnostics_.push_back(std::move(warning));
  }
}

} // namespace checking

CheckResult check(const ast::Program& program, const Source& source) {
  checking::Names names;
  CheckResult result;
  typed::Program checked = checking::Checker(source, names, result.diagnostics, false).check_program(program);
  sort_and_deduplicate(result.diagnostics);
  if (!has_errors(result.diagnostics)) {
    result.program = std::move(checked);
  }
  return result;
}

} // namespace sibyl
