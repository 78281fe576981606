#include "compiler/facts/carried.hpp"

#include "compiler/generative/accesses.hpp"

#include <algorithm>

namespace sibyl {

using namespace generative; // statements, expressions and walks over them

namespace {

bool gives_whole(const StatementPtr& statement, VariableId id) {
  if (const auto* assignment = std::get_if<typed::Assignment>(&statement->node))
    return assignment->variable == id && assignment->indices.empty();
  const auto* tilde = std::get_if<typed::Tilde>(&statement->node);
  if (!tilde) return false;
  const auto* reference = std::get_if<typed::VariableReference>(&drawn_place(tilde->left)->node);
  return reference && reference->variable == id;
}

bool gives(const StatementPtr& statement, VariableId id) {
  bool found = false;
  for_each_statement(statement, [&](const StatementPtr& one) {
    const auto* assignment = std::get_if<typed::Assignment>(&one->node);
    found = found || (assignment && assignment->variable == id) || gives_whole(one, id);
  });
  return found;
}

} // namespace

int looks_at(const StatementPtr& statement, VariableId id) {
  int count = count_looks_in(statement, id);
  for_each_statement(statement, [&](const StatementPtr& one) {
    count -= std::holds_alternative<typed::Tilde>(one->node) && gives_whole(one, id);
  });
  return count;
}

bool begins_anew(const StatementPtr& body, VariableId id, const std::vector<StatementPtr>& all) {
  const std::vector<StatementPtr> statements = typed::statements_of(body);
  const auto first = std::find_if(statements.begin(), statements.end(),
                                  [&](const StatementPtr& one) { return looks_at(one, id) > 0 || gives(one, id); });
  if (first == statements.end() || !gives_whole(*first, id) || looks_at(*first, id) > 0) return false;
  int everywhere = 0;
  for (const StatementPtr& one : all) everywhere += looks_at(one, id);
  return everywhere == looks_at(body, id);
}

bool begins_anew(const StatementPtr& body, VariableId id, const typed::Program& program) {
  std::vector<StatementPtr> all;
  for (const auto* block : {&program.transformed_data, &program.transformed_parameters, &program.model})
    all.insert(all.end(), block->begin(), block->end());
  return begins_anew(body, id, all);
}

} // namespace sibyl
