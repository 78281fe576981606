#include "runtime/terminal/classifier_text.hpp"

#include "runtime/terminal/terminal.hpp"
#include "runtime/trust/beside_limit.hpp"
#include "runtime/trust/typical_set.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sibyl::cli {

namespace {

std::string remark(const Classification& found) {
  std::vector<std::string> parts;
  if (found.is_unlike_all()) parts.emplace_back("UNLIKE the simulations of all models: the probabilities mean nothing");
  parts.insert(parts.end(), found.warnings.begin(), found.warnings.end());
  return fmt::format("{}", fmt::join(parts, "; "));
}

} // namespace

std::string describe(const ClassifierCalibration& calibration, double temperature) {
  return fmt::format("on {} fresh simulations of all models in equal shares:\n"
                     "accuracy {:.3f}, mean log probability of the true model {:.4f}\n"
                     "expected calibration error {:.3f} (by chance alone {:.3f}), temperature {:.2f}\n",
                     calibration.simulations, calibration.accuracy, calibration.log_score, calibration.expected_error,
                     calibration.expected_error_by_chance, temperature);
}

std::string classification_table(const ModelClassifierFile& file, std::span<const Classification> found,
                                 const std::string& by) {
  std::vector<std::vector<std::string>> rows;
  for (const Classification& one : found)
    for (std::size_t m = 0; m < file.models.size(); ++m)
      rows.push_back({m == 0 ? one.label : "", file.models[m].name, fmt::format("{:.4f}", one.probabilities[m]),
                      one.outside[m] ? "outside" : fixed_beside(one.p_values[m], 3, Verdict::unusual_p_value),
                      m == 0 ? "  " + remark(one) : ""});
  return format_table({by.empty() ? "data" : by, "model", "probability", "p", "  remarks"}, rows, 2) +
         "p: the share of the model's simulations whose summaries lie as far out\n";
}

} // namespace sibyl::cli
