#include "runtime/terminal/summary_table.hpp"

#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>

namespace sibyl::cli {

std::string summary_table(std::span<const Posterior> posteriors, const Facts& facts, const std::string& by) {
  std::vector<std::vector<std::string>> rows;
  for (const Posterior& posterior : posteriors) {
    bool first = true;
    for (const ColumnSummary& one : summarize(posterior.draws)) {
      const int variable = facts.find(one.column.substr(0, one.column.find('.')));
      if (variable < 0 || facts.variables[static_cast<std::size_t>(variable)].role != Role::parameter) continue;
      rows.push_back({first ? posterior.draws.label : "", one.column, format_number(one.mean), format_number(one.sd),
                      format_number(one.q5), format_number(one.median), format_number(one.q95),
                      first ? posterior.verdict.text() : ""});
      first = false;
    }
  }
  // The verdict, a sentence, stands last and to the left: its column is not aligned.
  std::vector<std::string> verdicts;
  for (auto& row : rows) {
    verdicts.push_back(row.back());
    row.pop_back();
  }
  const std::string table =
      format_table({by.empty() ? "data" : by, "parameter", "mean", "sd", "5%", "50%", "95%"}, rows, 2);
  std::string text;
  std::size_t line = 0, begin = 0;
  for (std::size_t end = table.find('\n'); end != std::string::npos;
       begin = end + 1, end = table.find('\n', begin), ++line) {
    const std::string& verdict = line == 0 ? "verdict" : verdicts[line - 1];
    text += fmt::format("{}{}{}\n", table.substr(begin, end - begin), verdict.empty() ? "" : "  ", verdict);
  }
  return text;
}

} // namespace sibyl::cli
