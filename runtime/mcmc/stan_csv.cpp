#include "runtime/mcmc/stan_csv.hpp"

#include "lang/files/text_file.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <filesystem>

namespace sibyl::mcmc {

namespace {

// The version of CmdStan whose layout this is; readers look at it.
constexpr int major_version = 2, minor_version = 35, patch_version = 0;

std::string configuration(const ModelChains& chains, const ModelChainsOptions& options, std::size_t chain,
                          const std::string& file, const std::string& model_name, const std::string& data_file) {
  std::string text;
  const auto add = [&](int depth, const std::string& line) { text += fmt::format("# {:{}}{}\n", "", 2 * depth, line); };
  const auto put = [&](int depth, const char* name, const auto& value) {
    add(depth, fmt::format("{} = {}", name, value));
  };
  put(0, "stan_version_major", major_version);
  put(0, "stan_version_minor", minor_version);
  put(0, "stan_version_patch", patch_version);
  put(0, "model", model_name + "_model");
  put(0, "start_datetime",
      fmt::format("{:%Y-%m-%d %H:%M:%S} UTC",
                  fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()))));
  put(0, "method", "sample (Default)");
  add(1, "sample");
  put(2, "num_samples", chains.draws[chain].row_count);
  put(2, "num_warmup", options.warmup);
  put(2, "save_warmup", "false (Default)");
  put(2, "thin", "1 (Default)");
  add(2, "adapt");
  put(3, "engaged", options.warmup > 0 ? "true (Default)" : "false");
  put(3, "gamma", "0.05 (Default)");
  put(3, "delta", options.target_acceptance);
  put(3, "kappa", "0.75 (Default)");
  put(3, "t0", "10 (Default)");
  put(3, "init_buffer", "75 (Default)");
  put(3, "term_buffer", "50 (Default)");
  put(3, "window", "25 (Default)");
  put(2, "algorithm", "hmc (Default)");
  add(3, "hmc");
  put(4, "engine", "nuts (Default)");
  add(5, "nuts");
  put(6, "max_depth", options.max_depth);
  put(4, "metric", options.metric == MetricKind::dense ? "dense_e" : "diag_e (Default)");
  put(4, "metric_file", " (Default)");
  put(4, "stepsize", "1 (Default)");
  put(4, "stepsize_jitter", "0 (Default)");
  put(2, "num_chains", options.chains);
  put(0, "id", chains.draws[chain].label);
  add(0, "data");
  put(1, "file", data_file);
  put(0, "init", options.initial.given.empty() ? fmt::format("{}", options.initial.radius) : options.initial.name);
  add(0, "random");
  put(1, "seed", options.seed);
  add(0, "output");
  put(1, "file", file);
  put(0, "num_threads", options.threads);
  put(0, "written_by", "sibyl");
  return text;
}

std::string adaptation(const ChainRun& run) {
  std::string text = fmt::format("# Adaptation terminated\n# Step size = {}\n", format_double(run.step_size));
  if (run.metric.kind() == MetricKind::diagonal) {
    text += "# Diagonal elements of inverse mass matrix:\n# ";
    for (Eigen::Index i = 0; i < run.metric.variances().size(); ++i)
      text += (i > 0 ? ", " : "") + format_double(run.metric.variances()[i]);
    return text + "\n";
  }
  text += "# Elements of inverse mass matrix:\n";
  const Eigen::MatrixXd& matrix = run.metric.covariance();
  for (Eigen::Index row = 0; row < matrix.rows(); ++row) {
    text += "# ";
    for (Eigen::Index column = 0; column < matrix.cols(); ++column)
      text += (column > 0 ? ", " : "") + format_double(matrix(row, column));
    text += "\n";
  }
  return text;
}

void write_chain(const std::string& path, const std::string& header, const Draws& draws, const ChainRun& run) {
  OutputFile file(path);
  // The sampler's columns come first there.
  std::size_t first_own = draws.columns.size();
  while (first_own > 0 && draws.columns[first_own - 1].ends_with("__")) --first_own;
  std::vector<std::size_t> order;
  for (std::size_t column = first_own; column < draws.columns.size(); ++column) order.push_back(column);
  for (std::size_t column = 0; column < first_own; ++column) order.push_back(column);
  std::string text = header;
  for (std::size_t i = 0; i < order.size(); ++i) text += (i > 0 ? "," : "") + draws.columns[order[i]];
  text += "\n" + adaptation(run);
  for (std::size_t row = 0; row < draws.row_count; ++row) {
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i > 0) text += ',';
      text += format_double(draws.at(row, order[i]));
    }
    text += '\n';
    if (text.size() > 1 << 20) {
      file.write(text);
      text.clear();
    }
  }
  text += fmt::format("# \n#  Elapsed Time: {:.3f} seconds (Warm-up)\n#                {:.3f} seconds (Sampling)\n"
                      "#                {:.3f} seconds (Total)\n# \n",
                      run.warmup_seconds, run.sampling_seconds, run.warmup_seconds + run.sampling_seconds);
  file.write(text);
  file.commit();
}

} // namespace

std::vector<std::string> stan_csv_paths(const std::string& path, std::size_t chains) {
  if (chains == 1) return {path};
  const std::filesystem::path whole(path);
  std::vector<std::string> result;
  for (std::size_t chain = 1; chain <= chains; ++chain)
    result.push_back(
        (whole.parent_path() / fmt::format("{}_{}{}", whole.stem().string(), chain, whole.extension().string()))
            .string());
  return result;
}

std::vector<std::string> write_stan_csv(const std::string& path, const ModelChains& chains,
                                        const ModelChainsOptions& options, const std::string& model_name,
                                        const std::string& data_file) {
  const std::vector<std::string> paths = stan_csv_paths(path, chains.draws.size());
  for (std::size_t chain = 0; chain < paths.size(); ++chain)
    write_chain(paths[chain], configuration(chains, options, chain, paths[chain], model_name, data_file),
                chains.draws[chain], chains.runs[chain]);
  return paths;
}

} // namespace sibyl::mcmc
