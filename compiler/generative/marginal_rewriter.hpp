// Puts simulating statements in the place of those that sum something out (marginalized.hpp): lists of statements in
// marginalized.cpp, mixtures in mixtures.cpp, those of groups in groups.cpp, hidden states in hidden_chains.cpp, branches on what
// is observed in observations.cpp, on whether anything was counted in occupancy.cpp, numbers
// that a loop sums over in population_sizes.cpp.
#pragma once

#include "compiler/generative/log_terms.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace sibyl::generative {

using Statements = std::vector<typed::StatementPtr>;

struct HiddenChain;

class MarginalRewriter {
 public:
  explicit MarginalRewriter(typed::Program& program);
  void run();

 private:
  // ---- marginalized.cpp
  Statements list(Statements statements);
  typed::StatementPtr body(const typed::StatementPtr& statement);
  Statements increment(const typed::StatementPtr& statement, const Statements& before);
  Statements spread_sums(const Statements& statements);
  void mark(const typed::StatementPtr& statement, typed::VariableId drawn);

  // ---- mixtures.cpp
  // What draws the terms; their weights are left to whoever chose them. Throws Unreadable.
  Statements draws_of(const LogTerms& terms, const Statements& before);
  Statements draws_of(const Mixture& mixture, const Statements& before);
  Statements draws_of_held(const Mixture& mixture, const Statements& before);
  // The part of that number.
  typed::StatementPtr chosen(const typed::ExpressionPtr& number, const std::vector<Statements>& parts, Span span) const;
  // The choice among parts with these sums of weights: what declares it goes to `into`; its number.
  typed::ExpressionPtr choose(const std::vector<std::vector<typed::ExpressionPtr>>& weights, Span span,
                              Statements& into);
  typed::ExpressionPtr choose_by(const typed::ExpressionPtr& chances, Span span, Statements& into);
  Statements require_sum_of_one(const typed::ExpressionPtr& log_weights, Span span) const;
  void require_apart(const std::vector<typed::ExpressionPtr>& weights, const std::vector<typed::ExpressionPtr>& drawn,
                     Span span) const;
  bool varies(const std::vector<typed::ExpressionPtr>& weights) const;

  // ---- marginalized.cpp
  struct Building { // statements that give a variable its elements
    Statements statements;
    std::vector<const typed::Statement*> originals;
  };
  std::optional<Building> building_of(typed::VariableId id, const Statements& before) const;

  // What local variables surely are at the place that is being read.
  void note(const typed::StatementPtr& statement);
  void forget(const typed::StatementPtr& statement);
  typed::ExpressionPtr definition(const typed::ExpressionPtr& place) const;

  typed::VariableId new_variable(typed::Variable variable);
  typed::VariableId new_scalar(const std::string& name, Base base, Span span);
  typed::ExpressionPtr reference(typed::VariableId id, Span span) const;

  // ---- hidden_chains.cpp
  // What draws a chain of hidden states, and data given them, where the statement adds what the forward algorithm has
  // summed.
  std::optional<Statements> hidden_chain(const typed::StatementPtr& tree, const Statements& before);
  Statements draws_of_chain(const typed::StatementPtr& tree, const HiddenChain& chain, const Building& building);

  // ---- observations.cpp
  std::optional<typed::StatementPtr> observation(const typed::StatementPtr& statement);
  // What a branch adds, as a sum; nothing where it does something else. Throws Unreadable.
  std::optional<LogTerms> terms_of(const typed::StatementPtr& body);
  // ---- population_sizes.cpp
  // What draws a number that `tree` sums over, as the size of a population of which some are counted.
  std::optional<Statements> population_size(const typed::StatementPtr& tree, const Statements& before);
  // ---- occupancy.cpp
  std::optional<typed::StatementPtr> occupancy(const typed::StatementPtr& statement, const Statements& before);
  // Null where the terms have no variable that the statements before add the log densities to.
  std::optional<std::vector<Statements>> accumulated_counts(const LogTerms& seen, std::vector<LogTerms>& both,
                                                            const typed::ExpressionPtr& place, const Statements& before);
  // What draws one part or the other, with chances in proportion to these.
  std::optional<typed::StatementPtr> occupied_or_not(const std::vector<typed::ExpressionPtr>& present,
                                                     const std::vector<typed::ExpressionPtr>& absent,
                                                     const std::vector<Statements>& parts,
                                                     const typed::ExpressionPtr& place,
                                                     const typed::StatementPtr& tree);
  // ---- groups.cpp
  std::optional<Statements> groups(const typed::StatementPtr& tree, const Statements& before);
  // ---- boundaries.cpp
  std::optional<typed::StatementPtr> boundary(const typed::StatementPtr& statement);

  typed::Program& program_;
  TermReader reader_;
  std::map<std::string, typed::ExpressionPtr> definitions_; // of "variable" and "variable[constant]"
  std::map<typed::VariableId, int> assignments_, looks_;    // in transformed parameters and the model
  int depth_ = 0;                                           // of mixtures within others
  std::set<const typed::Statement*> dropped_;               // built what is drawn instead
};

// What the transformed data give a place of theirs, where one statement gives it all places: of `seen[i] = sum(y[i]);`
// and `seen[n]` the sum of y[n]. Null otherwise.
typed::ExpressionPtr computed_value(const typed::ExpressionPtr& place, const typed::Program& program);

// Whether the variable is a number that starts from something and has more added to it by all that follows: every way
// through the statements ends with the sum of what was added.
bool only_grows(const Statements& statements, typed::VariableId id);

// Small helpers on typed trees. Looks and assignments are those within the expression or statement.
int count_looks(const typed::ExpressionPtr& expression, typed::VariableId id);
int count_looks_in(const typed::StatementPtr& tree, typed::VariableId id);
int count_assignments(const typed::StatementPtr& tree, typed::VariableId id);
std::function<typed::ExpressionPtr(const typed::ExpressionPtr&)> replacing(typed::VariableId id,
                                                                           const typed::ExpressionPtr& by);
// What a variable, or an element of it, is known by.
std::string key_of(typed::VariableId id);
std::string key_of(typed::VariableId id, std::int64_t element);
// c of the only index `[c]`; null for others.
const typed::IntegerLiteral* constant_index(const std::vector<typed::IndexItem>& items);
typed::ExpressionPtr whole_number(std::int64_t value, Span span);
typed::ExpressionPtr as_real(const typed::ExpressionPtr& expression);
typed::ExpressionPtr builtin(typed::Builtin builtin, std::vector<typed::ExpressionPtr> arguments, Type type, Span span);
// Zero where there is none.
typed::ExpressionPtr sum_of(const std::vector<typed::ExpressionPtr>& terms, Span span);
typed::StatementPtr in_sequence(Statements statements, Span span);

} // namespace sibyl::generative
