#include "runtime/mcmc/stan_csv.hpp"

#include "lang/files/text_file.hpp"

#include <fmt/format.h>

#include <ctime>
#include <filesystem>

namespace sibyl::mcmc {

namespace {

// The version of CmdStan whose layout this is; readers look at it.
constexpr int major_version = 2, minor_version = 35, patch_version = 0;

// "# name = value" lines, indented by what they belong to.
class Comments {
 public:
  void add(int depth, const std::string& line) { text_ += fmt::format("# {:{}}{}\n", "", 2 * depth, line); }
  template <typename Value>
  void put(int depth, const char* name, const Value& value) {
    add(depth, fmt::format("{} = {}", name, value));
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

Comments begin_comments(const std::string& model_name) {
  Comments comments;
  comments.put(0, "stan_version_major", major_version);
  comments.put(0, "stan_version_minor", minor_version);
  comments.put(0, "stan_version_patch", patch_version);
  comments.put(0, "model", model_name + "_model");
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&now, &parts));
  comments.put(0, "start_datetime", std::string(text, length));
  return comments;
}

void end_comments(Comments& comments, const std::string& id, const InitialValues& initial, std::uint64_t seed,
                  int threads, const std::string& file, const std::string& data_file) {
  comments.put(0, "id", id);
  comments.add(0, "data");
  comments.put(1, "file", data_file);
  comments.put(0, "init", initial.given.empty() ? fmt::format("{}", initial.radius) : initial.name);
  comments.add(0, "random");
  comments.put(1, "seed", seed);
  comments.add(0, "output");
  comments.put(1, "file", file);
  comments.put(0, "num_threads", threads);
  comments.put(0, "written_by", "sibyl");
}

std::string configuration(const ModelChains& chains, const ModelChainsOptions& options, std::size_t chain,
                          const std::string& file, const std::string& model_name, const std::string& data_file) {
  Comments comments = begin_comments(model_name);
  comments.put(0, "method", "sample (Default)");
  comments.add(1, "sample");
  comments.put(2, "num_samples", chains.draws[chain].row_count);
  comments.put(2, "num_warmup", options.warmup);
  comments.put(2, "save_warmup", "false (Default)");
  comments.put(2, "thin", "1 (Default)");
  comments.add(2, "adapt");
  comments.put(3, "engaged", options.warmup > 0 ? "true (Default)" : "false");
  comments.put(3, "gamma", "0.05 (Default)");
  comments.put(3, "delta", options.target_acceptance);
  comments.put(3, "kappa", "0.75 (Default)");
  comments.put(3, "t0", "10 (Default)");
  comments.put(3, "init_buffer", "75 (Default)");
  comments.put(3, "term_buffer", "50 (Default)");
  comments.put(3, "window", "25 (Default)");
  comments.put(2, "algorithm", "hmc (Default)");
  comments.add(3, "hmc");
  comments.put(4, "engine", "nuts (Default)");
  comments.add(5, "nuts");
  comments.put(6, "max_depth", options.max_depth);
  comments.put(4, "metric", options.metric == MetricKind::dense ? "dense_e" : "diag_e (Default)");
  comments.put(4, "metric_file", " (Default)");
  comments.put(4, "stepsize", "1 (Default)");
  comments.put(4, "stepsize_jitter", "0 (Default)");
  comments.put(2, "num_chains", options.chains);
  end_comments(comments, chains.draws[chain].label, options.initial, options.seed, options.threads, file, data_file);
  return comments.text();
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

// The header and the rows, the columns that are not the model's first; `between` stands behind the header.
void write_table(OutputFile& file, const std::string& comments, const Draws& draws, const std::string& between) {
  std::size_t first_own = draws.columns.size();
  while (first_own > 0 && draws.columns[first_own - 1].ends_with("__")) --first_own;
  std::vector<std::size_t> order;
  for (std::size_t column = first_own; column < draws.columns.size(); ++column) order.push_back(column);
  for (std::size_t column = 0; column < first_own; ++column) order.push_back(column);
  std::string text = comments;
  for (std::size_t i = 0; i < order.size(); ++i) text += (i > 0 ? "," : "") + draws.columns[order[i]];
  text += "\n" + between;
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
  file.write(text);
}

void write_file_of(const std::string& path, const Comments& comments, const Draws& draws) {
  OutputFile file(path);
  write_table(file, comments.text(), draws, "");
  file.commit();
}

// "draws.csv" becomes "draws_1.csv" with the suffix "_1".
std::string with_suffix(const std::string& path, const std::string& suffix) {
  const std::filesystem::path whole(path);
  return (whole.parent_path() / (whole.stem().string() + suffix + whole.extension().string())).string();
}

void write_chain(const std::string& path, const std::string& header, const Draws& draws, const ChainRun& run) {
  OutputFile file(path);
  write_table(file, header, draws, adaptation(run));
  file.write(fmt::format("# \n#  Elapsed Time: {:.3f} seconds (Warm-up)\n#                {:.3f} seconds (Sampling)\n"
                         "#                {:.3f} seconds (Total)\n# \n",
                         run.warmup_seconds, run.sampling_seconds, run.warmup_seconds + run.sampling_seconds));
  file.commit();
}

} // namespace

std::vector<std::string> stan_csv_paths(const std::string& path, std::size_t chains) {
  if (chains == 1) return {path};
  std::vector<std::string> result;
  for (std::size_t chain = 1; chain <= chains; ++chain) result.push_back(with_suffix(path, fmt::format("_{}", chain)));
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

void write_stan_csv(const std::string& path, const Optimum& optimum, const OptimizeOptions& options,
                    const std::string& model_name, const std::string& data_file) {
  const bool has_draws = options.laplace_draws > 0;
  const std::string mode_path = has_draws ? with_suffix(path, "_mode") : path;
  Comments mode = begin_comments(model_name);
  mode.put(0, "method", "optimize");
  mode.add(1, "optimize");
  mode.put(2, "algorithm", "lbfgs (Default)");
  mode.add(3, "lbfgs");
  mode.put(4, "history_size", options.history);
  mode.put(2, "jacobian", options.jacobian ? "true" : "false (Default)");
  mode.put(2, "iter", options.max_iterations);
  mode.put(2, "save_iterations", "false (Default)");
  end_comments(mode, "1", options.initial, options.seed, 1, mode_path, data_file);
  write_file_of(mode_path, mode, optimum.mode);
  if (!has_draws) return;
  Comments laplace = begin_comments(model_name);
  laplace.put(0, "method", "laplace");
  laplace.add(1, "laplace");
  laplace.put(2, "mode", mode_path);
  laplace.put(2, "jacobian", "true (Default)");
  laplace.put(2, "draws", options.laplace_draws);
  end_comments(laplace, "1", options.initial, options.seed, 1, path, data_file);
  write_file_of(path, laplace, optimum.laplace);
}

void write_stan_csv(const std::string& path, const PathfinderResult& result, const PathfinderOptions& options,
                    const std::string& model_name, const std::string& data_file) {
  Comments comments = begin_comments(model_name);
  comments.put(0, "method", "pathfinder");
  comments.add(1, "pathfinder");
  comments.put(2, "history_size", options.history);
  comments.put(2, "num_psis_draws", options.resampled);
  comments.put(2, "num_paths", options.paths);
  comments.put(2, "psis_resample", "true (Default)");
  comments.put(2, "max_lbfgs_iters", options.max_iterations);
  comments.put(2, "num_draws", options.draws);
  comments.put(2, "num_elbo_draws", options.elbo_draws);
  end_comments(comments, "1", options.initial, options.seed, options.threads, path, data_file);
  write_file_of(path, comments, result.draws);
}

} // namespace sibyl::mcmc
