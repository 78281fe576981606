// Puts simulating statements in the place of those that sum something out (marginalized.hpp): lists of statements in
// marginalized.cpp, mixtures in mixtures.cpp, those of groups in groups.cpp, hidden states in hidden_chains.cpp,
// branches on what is observed in observations.cpp, on which boundary was reached in boundaries.cpp, on whether
// anything was counted in occupancy.cpp, numbers that a loop sums over in population_sizes.cpp.
#pragma once

#include "compiler/generative/log_terms.hpp"
#include "compiler/generative/tree_building.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace sibyl::generative {

struct HiddenChain;

class MarginalRewriter {
 public:
  explicit MarginalRewriter(typed::Program& program);
  void run();

 private:
  // ---- marginalized.cpp
  Statements list(Statements statements);
  StatementPtr body(const StatementPtr& statement);
  Statements increment(const StatementPtr& statement, const Statements& before);
  Statements spread_sums(const Statements& statements);
  void mark(const StatementPtr& statement, VariableId drawn);

  // ---- mixtures.cpp
  // What draws the terms; their weights are left to whoever chose them. Throws Unreadable.
  Statements draws_of(const LogTerms& terms, const Statements& before);
  Statements draws_of(const Mixture& mixture, const Statements& before);
  Statements draws_of_held(const Mixture& mixture, const Statements& before);
  // The part of that number.
  StatementPtr chosen(const ExpressionPtr& number, const std::vector<Statements>& parts, Span span) const;
  // The choice among parts with these sums of weights: what declares it goes to `into`; its number.
  ExpressionPtr choose(const std::vector<std::vector<ExpressionPtr>>& weights, Span span, Statements& into);
  ExpressionPtr choose_by(const ExpressionPtr& chances, Span span, Statements& into);
  Statements require_sum_of_one(const ExpressionPtr& log_weights, Span span) const;
  void require_apart(const std::vector<ExpressionPtr>& weights, const std::vector<ExpressionPtr>& drawn,
                     Span span) const;
  bool varies(const std::vector<ExpressionPtr>& weights) const;

  // ---- marginalized.cpp
  struct Building { // statements that give a variable its elements
    Statements statements;
    std::vector<const typed::Statement*> originals;
  };
  std::optional<Building> building_of(VariableId id, const Statements& before) const;

  // What local variables surely are at the place that is being read.
  void note(const StatementPtr& statement);
  void forget(const StatementPtr& statement);
  ExpressionPtr definition(const ExpressionPtr& place) const;

  VariableId new_variable(typed::Variable variable);
  VariableId new_scalar(const std::string& name, Base base, Span span);
  ExpressionPtr reference(VariableId id, Span span) const;

  // ---- hidden_chains.cpp
  // What draws a chain of hidden states, and data given them, where the statement adds what the forward algorithm has
  // summed.
  std::optional<Statements> hidden_chain(const StatementPtr& tree, const Statements& before);
  Statements draws_of_chain(const StatementPtr& tree, const HiddenChain& chain, const Building& building);

  // ---- observations.cpp
  std::optional<StatementPtr> observation(const StatementPtr& statement);
  // What a branch adds, as a sum; nothing where it does something else. Throws Unreadable.
  std::optional<LogTerms> terms_of(const StatementPtr& body);
  // ---- population_sizes.cpp
  // What draws a number that `tree` sums over, as the size of a population of which some are counted.
  std::optional<Statements> population_size(const StatementPtr& tree, const Statements& before);
  // ---- occupancy.cpp
  std::optional<StatementPtr> occupancy(const StatementPtr& statement, const Statements& before);
  // Null where the terms have no variable that the statements before add the log densities to.
  std::optional<std::vector<Statements>> accumulated_counts(const LogTerms& seen, std::vector<LogTerms>& both,
                                                            const ExpressionPtr& place, const Statements& before);
  // What draws one part or the other, with chances in proportion to these.
  std::optional<StatementPtr> occupied_or_not(const std::vector<ExpressionPtr>& present,
                                              const std::vector<ExpressionPtr>& absent,
                                              const std::vector<Statements>& parts, const ExpressionPtr& place,
                                              const StatementPtr& tree);
  // ---- groups.cpp
  std::optional<Statements> groups(const StatementPtr& tree, const Statements& before);
  // ---- boundaries.cpp
  std::optional<StatementPtr> boundary(const StatementPtr& statement);

  typed::Program& program_;
  TermReader reader_;
  std::map<std::string, ExpressionPtr> definitions_; // of "variable" and "variable[constant]"
  std::map<VariableId, int> assignments_, looks_;    // in transformed parameters and the model
  int depth_ = 0;                                    // of mixtures within others
  std::set<const typed::Statement*> dropped_;        // built what is drawn instead
};

// What the transformed data give a place of theirs, where one statement gives it all places: of `seen[i] = sum(y[i]);`
// and `seen[n]` the sum of y[n]. Null otherwise.
ExpressionPtr computed_value(const ExpressionPtr& place, const typed::Program& program);

// Whether the variable is a number that starts from something and has more added to it by all that follows: every way
// through the statements ends with the sum of what was added.
bool only_grows(const Statements& statements, VariableId id);

// What a variable, or an element of it, is known by.
std::string key_of(VariableId id);
std::string key_of(VariableId id, std::int64_t element);
// c of the only index `[c]`; null for others.
const typed::IntegerLiteral* constant_index(const std::vector<IndexItem>& items);

} // namespace sibyl::generative
