#include "runtime/cli/commands.hpp"

#include "lang/errors.hpp"
#include "runtime/cli/sampler_model.hpp"
#include "runtime/criticism/predict_new.hpp"
#include "runtime/data/convert.hpp"
#include "runtime/inputs/missing_values.hpp"
#include "runtime/model/computed_data.hpp"
#include "runtime/terminal/command_line.hpp"
#include "runtime/terminal/interrupt.hpp"
#include "runtime/terminal/options.hpp"
#include "runtime/terminal/terminal.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sibyl::cli {

namespace {

struct Options {
  std::string sampler, data, by, design, output;
  std::size_t draws = 1000;
  std::uint64_t seed = 1;
  int threads = default_threads();
  bool exact = false, json = false;
};

// The design of each data set's predictions: one for all, or one for each label.
const DataSet& design_for(const std::vector<DataSet>& designs, const DataSet& data, const std::string& file) {
  if (designs.size() == 1) return designs.front();
  for (const DataSet& one : designs)
    if (one.label == data.label) return one;
  throw UserError(fmt::format("{}: no design for the data set {}", file, data.label));
}

void run(const Options& options) {
  const SamplerFile file = read_sampler_file(options.sampler);
  const PosteriorSampler sampler = open_sampler(file, options.sampler);
  const auto model = sampler.shared_model();
  const Facts& facts = model->facts();
  const ReadResult read = read_data_sets(options.data, facts, {.by = options.by});
  for (const std::string& note : read.notes) print_note(note);
  std::vector<DataSet> designs;
  if (!options.design.empty()) {
    // Everything that is design, whether or not the text draws it: observed variables are what is predicted. What may
    // be lacking is read as if it were observed; in a table the number of rows is a size all the same.
    const bool is_table = !options.design.ends_with(".json") && !options.design.ends_with(".npz");
    Facts only_design = facts;
    std::erase_if(only_design.variables, [](const VariableFact& one) { return one.role != Role::design; });
    for (VariableFact& one : only_design.variables)
      if (!(one.is_size && is_table)) one.role = Role::observed;
    designs = read_data_sets(options.design, only_design, {.by = options.by, .require_observed = false}).data_sets;
  }
  const std::vector<Posterior> posteriors = sampler.sample(read.data_sets, {.draws = options.draws,
                                                                            .seed = options.seed,
                                                                            .exact = options.exact,
                                                                            .keep_unconstrained = true,
                                                                            .threads = options.threads,
                                                                            .interrupted = interrupt_flag()});
  DataBatch batch = gather(facts, read.data_sets);
  compute_observed(model, batch);
  const DataBatch complete = complete_for_transform(facts, batch);
  std::vector<Draws> all;
  for (std::size_t i = 0; i < posteriors.size(); ++i) {
    DataSet data = extract(facts, complete, i);
    data.label = read.data_sets[i].label;
    if (!designs.empty()) {
      data = conform(with_design(facts, data, design_for(designs, data, options.design)), facts, options.design);
      data.label = read.data_sets[i].label;
    }
    LeftOut left_out;
    all.push_back(predict_draws(model, data, posteriors[i].draws, posteriors[i].unconstrained, !designs.empty(),
                                options.seed + i, left_out, interrupt_flag()));
    all.back().label = data.label;
    if (left_out.count() > 0) print_note(left_out.describe("predictions"));
    if (!posteriors[i].verdict.is_fine())
      print_note(fmt::format("data set {}: its posterior is {}", data.label, posteriors[i].verdict.text()));
  }
  if (!options.output.empty()) {
    if (options.output.ends_with(".npz")) write_draws_npz(options.output, all);
    else if (options.output.ends_with(".csv")) write_draws_csv(options.output, all, options.by);
    else throw UserError(fmt::format("{}: predictions are written as .csv or .npz", options.output));
  }
  if (options.json) {
    auto json = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < all.size(); ++i) {
      nlohmann::ordered_json one = summary_json(all[i]);
      json.push_back({{"data", all[i].label},
                      {"verdict", posteriors[i].verdict.text()},
                      {"draws", all[i].row_count},
                      {"predicted", one["parameters"]}});
    }
    fmt::print("{}\n", json.dump(2));
    return;
  }
  std::vector<std::vector<std::string>> rows;
  for (const Draws& draws : all) {
    bool is_first = true;
    for (const ColumnSummary& one : summarize(draws)) {
      rows.push_back({is_first ? draws.label : "", one.column, format_number(one.mean), format_number(one.sd),
                      format_number(one.q5), format_number(one.median), format_number(one.q95)});
      is_first = false;
    }
  }
  fmt::print(
      "{}",
      format_table({options.by.empty() ? "data" : options.by, "predicted", "mean", "sd", "5%", "50%", "95%"}, rows, 2));
}

} // namespace

void add_predict(Command& program) {
  auto options = std::make_shared<Options>();
  Command command = program.add_command(
      "predict", "Posterior predictive draws: data simulated anew and generated quantities, for the design that was "
                 "observed or for another");
  command.add_option("sampler", options->sampler, "sampler file, written by `sibyl train`").required();
  command.add_option("data", options->data, "data to learn from: Stan JSON, CSV or NPZ").required();
  command.add_option("--by", options->by, "the column whose values tell data sets apart");
  command.add_option("--design", options->design,
                     "the design to predict for (JSON, CSV, NPZ): sizes and covariates; what it does not give is as in "
                     "the data");
  command.add_option("-n,--draws", options->draws, "draws for each data set").shows_default().between(1, 100000000);
  command.add_option("-o,--output", options->output, "where the draws go: .csv or .npz");
  command.add_flag("--exact", options->exact, "from draws of the model's own posterior (see `sibyl sample --exact`)");
  command.add_option("--seed", options->seed, "random seed").shows_default();
  command.add_option("--threads", options->threads, "number of threads").shows_default();
  command.add_flag("--json", options->json, "the table as JSON");
  command.callback([options] { run(*options); });
}

} // namespace sibyl::cli
