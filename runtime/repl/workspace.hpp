// All that a REPL session holds: the model that is being typed, and what was made of it. Commands work on it; it knows
// no terminal, only where its text goes.
#pragma once

#include "runtime/mcmc/model_chains.hpp"
#include "runtime/networks/catalogue.hpp"
#include "runtime/repl/current_draws.hpp"
#include "runtime/repl/draft.hpp"
#include "runtime/repl/plot.hpp"
#include "runtime/training/model_classifier.hpp"
#include "runtime/training/prepare.hpp"
#include "runtime/training/train_sampler.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sibyl::repl {

// Where text goes, and what the session may ask of its surroundings.
struct Surroundings {
  std::function<void(std::string_view)> print;    // results
  std::function<void(std::string_view)> complain; // errors, notes
  std::function<void(std::string_view)> progress; // a line that takes the place of the one before; "" ends it
  std::function<void(const std::string&)> edit;   // lets the user change this file; empty: there is no editor here
  const std::atomic<std::int32_t>* interrupted = nullptr;
  std::string cache_directory; // for compiled models; empty: none
  std::vector<std::string> include_directories; // where `:load` looks besides for what a text includes
  bool colour = false;
  PlotStyle plot;
};

// What `:set` changes.
struct Settings {
  std::uint64_t seed = 1;
  std::size_t draws = 4000;       // of `:sample`
  std::size_t prior_draws = 1000; // of `:prior`
  std::size_t replicates = 400;   // of `:check`
  int threads = 1;
  double exact_seconds = 30; // for each data set's chains of `:sample exact` and `:sample verify`
  double missing = 0; // share of observed values that `:train` drops
  std::optional<double> self_consistency; // its weight in `:train`'s loss; nothing: decided there
  FrameChoice frame = FrameChoice::automatic;
  std::string posterior{list_posterior_families().front().name};
};

struct TrainedModel {
  std::string core; // the model's text without generated quantities, which may change after training
  std::shared_ptr<const CompiledModel> model;
  SamplerFile file;
  std::shared_ptr<const PosteriorSampler> sampler;
};

// Data as they were asked for; they are read again when the model has changed.
struct ChosenData {
  std::string path; // or JSON text, which starts with a brace
  std::string by;
  std::string read_for; // the model's text
  std::vector<DataSet> sets;
};

class Workspace {
 public:
  Workspace(Surroundings surroundings, Settings settings);

  // ---- the model
  const Draft& draft() const { return draft_; }
  const std::string& name() const { return name_; }
  std::string text() const;      // canonical
  std::string core_text() const; // without generated quantities
  // Takes the draft as the model if it has no errors; tells of errors (and, where `about` is not 0, of warnings about
  // that input) and leaves all as it is otherwise.
  bool change(Draft draft, std::uint32_t about, bool tells_refusals, const std::string& name = "");
  bool undo();
  // Reads a model text as a whole new model; `file` is what messages call it.
  bool replace_text(const std::string& file, const std::string& text, const std::string& name);
  std::shared_ptr<const CompiledModel> model(); // compiled; throws UserError where it is not complete
  std::string functions_text() const;           // the block of functions

  // ---- data, training, draws: what belongs to another text of the model is not given out
  void choose_data(std::string path, std::string by);
  bool has_data() const { return data_.has_value(); }
  const ChosenData& data();
  // The values of what the design does not draw, from the data. Throws UserError naming what is missing.
  std::optional<DataSet> given_design(const CompiledModel& model);
  const TrainedModel& trained();      // throws UserError where the model as it is has not been trained
  void set_trained(SamplerFile file); // of the model as it is
  // Those of the last `:prior` or `:sample`; prior draws are made where there are none.
  const CurrentDraws& draws();
  const CurrentDraws* posterior(); // null: the current draws are none of a posterior
  void set_draws(CurrentDraws draws);
  PriorDraws draw_prior_now();

  // ---- talking
  void print(std::string_view text) const { surroundings_.print(text); }
  void note(std::string_view text) const;
  void error(std::string_view text) const;
  void show(const Diagnostics& diagnostics, const Source& model) const;
  const Surroundings& surroundings() const { return surroundings_; }

  Settings settings;
  Inputs inputs;
  // What the last `:sample` or `:mcmc` gave, and the place among the data sets of the one that the current draws are
  // of.
  std::vector<Posterior> posteriors;
  std::size_t shown = 0;
  std::optional<mcmc::ModelChains> chains; // where they came from `:mcmc`
  std::shared_ptr<const ModelClassifier> classifier; // of the last `:compare`
  std::string edited_file; // left by an `:edit` whose text had errors

 private:
  Surroundings surroundings_;
  Draft draft_;
  std::string name_ = "model";
  struct Before {
    Draft draft;
    std::string name;
  };
  std::vector<Before> history_;
  std::shared_ptr<const CompiledModel> model_; // of the text that it holds
  std::optional<ChosenData> data_;
  std::optional<TrainedModel> trained_;
  std::optional<CurrentDraws> draws_;
};

} // namespace sibyl::repl
