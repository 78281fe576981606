// The table of posteriors that `sibyl sample` and the REPL print.
#pragma once

#include "runtime/data/inference_data.hpp"
#include "runtime/posterior/posterior_sampler.hpp"

#include <nlohmann/json_fwd.hpp>

#include <span>
#include <string>
#include <vector>

namespace sibyl::cli {

// One row for each data set and parameter, with the data set's verdict; generated and transformed quantities go to the
// draws only. Where the model's density was compared with the draws, the row with the verdict has its findings. `by`:
// what the first column is called, "" for `data`.
std::string summary_table(std::span<const Posterior> posteriors, const Facts& facts, const std::string& by);

// The same of one posterior as JSON: {"data": label, "verdict": ..., "fine": ..., "k_hat": ..., "ess": ...,
// "log_evidence": ..., "log_evidence_error": ..., "summary": ...}, where what is not known is null and "not_checked" or
// "no_evidence" says why. Where exact draws were asked for, "exact" and "method" say whether and how they were made.
nlohmann::ordered_json posterior_json(const Posterior& posterior);
// What answered for how many data sets, and what that cost; "" where nothing was verified.
std::string verification_summary(std::span<const Posterior> posteriors);
// The same numbers of all, for files; nothing where no density was compared with draws.
std::vector<DataSetNumbers> check_numbers(std::span<const Posterior> posteriors);

} // namespace sibyl::cli
