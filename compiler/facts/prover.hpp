// Walks through a program and knows for each dimension of each value whether its positions move along when those of the
// data that are asked about change places. What tells positions apart is thrown as an Asymmetry.
//
// Functions with a body are walked through once for each way in which their arguments move.
#pragma once

#include "compiler/facts/carried.hpp"
#include "compiler/generative/reading.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace sibyl::facts {

// What happens to the positions of one dimension of a value. "same": all positions are alike. Flattened matrices have a
// dimension of their own kind, which agrees only with one that was flattened from the same.
using Dimension = std::string;
using Dimensions = std::vector<Dimension>;
inline const Dimension same = "same", staying = "staying", moving = "moving";

inline bool moves(const Dimension& one) { return one != same && one != staying; }

struct Asymmetry {
  std::string text; // a clause for the facts
};

class Prover {
 public:
  // `keys`: (variable, dimension) of data variables, of one size.
  Prover(const typed::Program& program, const generative::Reading& reading,
         const std::set<std::pair<typed::VariableId, int>>& keys);

  // Throws an Asymmetry where a statement of the program tells positions apart.
  void run();

 private:
  struct Loop {
    typed::StatementPtr body;
    std::optional<typed::VariableId> variable; // none: over the elements of a container
    bool is_innermost;                         // a `break` here leaves it
  };
  // The program's own statements, or the body of a function that is called.
  struct Scope {
    const std::vector<typed::Variable>* variables = nullptr;
    std::vector<typed::StatementPtr> statements;
    const typed::Function* function = nullptr;     // null: the program
    std::map<typed::VariableId, Dimensions> known; // of computed variables and arguments
    std::set<typed::VariableId> counts;            // ints that are how many positions there are
    std::set<typed::VariableId> positions;
    std::vector<Loop> loops; // over the positions, outermost first
    std::map<typed::VariableId, std::size_t> loops_at_declaration;
    std::optional<Dimensions> returned;
  };
  struct Value {
    Dimensions dimensions;
    bool is_position = false; // the variable of a loop over the moving positions
  };

  const typed::Variable& variable(typed::VariableId id) const { return (*scope_.variables)[id]; }
  std::string name(typed::VariableId id) const { return "`" + variable(id).name + "`"; }
  std::string base_name(const typed::ExpressionPtr& expression) const;
  bool is_given(typed::VariableId id) const;
  bool is_count(const typed::ExpressionPtr& expression);
  Dimensions dimensions_of(typed::VariableId id) const;
  Dimensions unlike(typed::VariableId id, Dimensions drawn, std::size_t from);
  void learn(typed::VariableId id, const Dimensions& dimensions);
  Dimension join(const Dimension& a, const Dimension& b, const std::string& what) const;
  void join(Dimensions& into, const Dimensions& other, const std::string& what) const;

  // Of expressions.
  Value value(const typed::ExpressionPtr& expression);
  Dimensions number(const typed::ExpressionPtr& expression);
  void require_still(const typed::ExpressionPtr& expression, const std::string& what);
  template <typename Literal>
  Value value(const Literal& literal, const typed::ExpressionPtr& expression);
  Value value(const typed::VariableReference& reference, const typed::ExpressionPtr& expression);
  Value value(const typed::Promote& promote, const typed::ExpressionPtr& expression);
  Value value(const typed::Conditional& choice, const typed::ExpressionPtr& expression);
  Value value(const typed::Index& index, const typed::ExpressionPtr& expression);
  Value value(const typed::DistributionCall& call, const typed::ExpressionPtr& expression);
  Value value(const typed::FunctionCall& call, const typed::ExpressionPtr& expression);
  Value value(const typed::CallPart& part, const typed::ExpressionPtr& expression);
  Value value(const typed::SolverCall& call, const typed::ExpressionPtr& expression);
  Value value(const typed::BuiltinCall& call, const typed::ExpressionPtr& expression);
  Dimensions elementwise(const std::vector<typed::ExpressionPtr>& arguments);
  Dimensions product(const typed::BuiltinCall& call);
  Dimensions joined(const typed::BuiltinCall& call, const typed::ExpressionPtr& expression);
  Dimensions indexed(const Dimensions& base, const std::vector<typed::IndexItem>& items, const std::string& what);
  Dimensions called(const typed::Function& function, const std::vector<typed::ExpressionPtr>& arguments,
                    std::size_t rank);
  Dimensions vectorized(const std::vector<typed::ExpressionPtr>& arguments, const typed::Distribution& distribution,
                        bool has_outcome);

  // Of statements.
  void see(const typed::StatementPtr& tree);
  void see(const typed::Sequence& sequence);
  void see(const typed::Declaration& declaration);
  void see(const typed::Assignment& assignment);
  void see(const typed::Tilde& tilde);
  void see(const typed::TargetIncrement& increment);
  void see(const typed::If& branch);
  void see(const typed::While& loop);
  void see(const typed::For& loop);
  void see(const typed::ForEach& loop);
  void see(const typed::Break& leave);
  void see(const typed::Return& result);
  void see(const typed::CallStatement& statement);
  template <typename Other>
  void see(const Other&) {} // continue, print, reject: nothing flows from them
  void see_scope();
  void see_declared(const typed::Variable& parameter);
  void see_body(const typed::StatementPtr& body, std::optional<typed::VariableId> position, bool over_positions);
  bool runs_over_positions(const typed::For& loop);
  bool indexes_moving(const typed::StatementPtr& body, typed::VariableId position) const;
  Dimensions target(typed::VariableId id, const std::vector<typed::IndexItem>& items, const Dimensions& assigned);
  void assign(typed::VariableId id, const std::vector<typed::IndexItem>& items, const typed::ExpressionPtr& assigned);
  void require_own(typed::VariableId id, const std::vector<typed::IndexItem>& items,
                   const typed::ExpressionPtr& assigned);
  bool is_sum(typed::VariableId id, const std::vector<typed::IndexItem>& items, const typed::ExpressionPtr& assigned,
              const Loop& outermost) const;

  using Called = std::tuple<const typed::Function*, std::vector<Dimensions>, std::vector<bool>>;

  const typed::Program& program_;
  const generative::Reading& reading_;
  const std::set<std::pair<typed::VariableId, int>>& keys_;
  std::string size_;
  Scope scope_;
  std::map<Called, Dimensions> results_;
};

} // namespace sibyl::facts
