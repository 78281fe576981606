#include "compiler/facts/find_facts.hpp"

#include "compiler/facts/plates.hpp"
#include "compiler/facts/precision.hpp"
#include "compiler/generative/accesses.hpp"
#include "compiler/generative/late_bounds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

namespace sibyl {

using typed::VariableId;

namespace {

std::string base_name(Base base) { return to_string(Type{base, 0}); }

class Finder {
 public:
  Finder(const typed::Program& program, const generative::Reading& reading, const Source& source)
      : program_(program), reading_(reading), source_(source), uses_(dimension_uses(program, reading)) {}

  Facts run() {
    facts_.is_generative = !reading_.not_generative;
    if (reading_.not_generative) facts_.not_generative = *reading_.not_generative;
    facts_.simulates_data = !reading_.no_data_simulation;
    if (reading_.no_data_simulation) facts_.no_data_simulation = *reading_.no_data_simulation;
    facts_.has_density = !reading_.no_density;
    if (reading_.no_density) facts_.no_density = *reading_.no_density;
    facts_.remarks = reading_.remarks;
    if (facts_.is_generative) {
      const auto reason = find_need_of_double(program_, reading_);
      facts_.allows_single_precision = !reason;
      if (reason) facts_.needs_double = *reason;
    }
    find_sizes();
    find_draws();
    find_used();
    std::set<VariableId> declared; // others are the simulation's own
    for (const typed::StatementPtr& one : program_.model) {
      const auto here = generative::accesses_of(one, program_).declared;
      declared.insert(here.begin(), here.end());
    }
    for (VariableId id = 0; id < program_.variables.size(); ++id) {
      if (reading_.is_latent[id] && declared.contains(id)) facts_.latents.push_back(program_.variables[id].name);
      if (!program_.variables[id].is_local) facts_.variables.push_back(variable(id));
    }
    nest_plates();
    return std::move(facts_);
  }

 private:
  std::string text(const typed::ExpressionPtr& expression) const {
    return expression ? std::string(source_.slice(expression->span)) : "";
  }

  void find_sizes() {
    for (const typed::Variable& one : program_.variables)
      for (const auto& size : one.sizes) generative::add_reads(size, is_size_);
  }

  void find_draws() {
    if (reading_.no_data_simulation) return;
    const auto note = [&](std::optional<VariableId> id, const Span& span) {
      if (id) drawn_.emplace(*id, span);
    };
    for (const typed::StatementPtr& outer : generative::simulated_statements(program_, reading_))
      generative::for_each_statement(outer, [&](const typed::StatementPtr& one) {
        if (const auto* tilde = std::get_if<typed::Tilde>(&one->node))
          note(generative::drawn_variable(tilde->left), one->span);
        else if (const auto* assignment = std::get_if<typed::Assignment>(&one->node))
          note(assignment->variable, one->span);
        else if (const auto* increment = std::get_if<typed::TargetIncrement>(&one->node)) {
          if (const auto drawn = generative::as_tilde(*increment))
            note(generative::drawn_variable(drawn->left), one->span);
        }
      });
  }

  // What anything but generated quantities depends on.
  void find_used() {
    const auto add_declared = [&](const typed::Variable& one) {
      for (const auto& size : one.sizes) generative::add_reads(size, used_);
      for (const auto& bound : {one.lower, one.upper, one.offset, one.multiplier}) generative::add_reads(bound, used_);
    };
    for (const auto* block :
         {&program_.transformed_data, &program_.design, &program_.transformed_parameters, &program_.model})
      for (const typed::StatementPtr& one : *block) {
        const generative::Accesses accesses = generative::accesses_of(one, program_);
        for (const auto* some : {&accesses.reads, &accesses.drawn, &accesses.assigned})
          used_.insert(some->begin(), some->end());
      }
    using typed::Block;
    for (const typed::Variable& one : program_.variables)
      if (one.block != Block::data && one.block != Block::generated_quantities) add_declared(one);
    // Sizes and bounds of data that are used; those may be data in turn.
    for (std::size_t before = 0; before != used_.size();) {
      before = used_.size();
      for (const VariableId id : std::set<VariableId>(used_))
        if (program_.variables[id].block == Block::data) add_declared(program_.variables[id]);
    }
  }

  // The first variable that simulation draws and that the sizes depend on, through transformed data too.
  std::string varies_with(const typed::Variable& declared) const {
    std::set<VariableId> reads;
    for (const auto& size : declared.sizes) generative::add_reads(size, reads);
    for (std::size_t before = 0; before != reads.size();) {
      before = reads.size();
      for (const typed::StatementPtr& one : program_.transformed_data) {
        const generative::Accesses accesses = generative::accesses_of(one, program_);
        if (std::any_of(accesses.assigned.begin(), accesses.assigned.end(),
                        [&](VariableId id) { return reads.contains(id); }))
          reads.insert(accesses.reads.begin(), accesses.reads.end());
      }
    }
    const std::set<VariableId> random = random_variables();
    for (const VariableId id : reads) {
      const typed::Variable& one = program_.variables[id];
      if (!one.is_local && one.block == typed::Block::data && random.contains(id)) return one.name;
    }
    return "";
  }

  // What differs between simulations: what design and model draw, and what they compute from it.
  std::set<VariableId> random_variables() const {
    std::set<VariableId> random;
    for (std::size_t before = 1; before != random.size();) {
      before = random.size();
      for (const auto* block : {&program_.design, &program_.simulation.model})
        for (const typed::StatementPtr& one : *block) {
          const generative::Accesses accesses = generative::accesses_of(one, program_);
          random.insert(accesses.drawn.begin(), accesses.drawn.end());
          if (std::any_of(accesses.reads.begin(), accesses.reads.end(),
                          [&](VariableId id) { return random.contains(id); }))
            random.insert(accesses.assigned.begin(), accesses.assigned.end());
        }
    }
    return random;
  }

  int plate(const typed::ExpressionPtr& size) {
    const std::string written = text(size);
    for (std::size_t i = 0; i < facts_.plates.size(); ++i)
      if (facts_.plates[i].size == written) return static_cast<int>(i);
    Plate one;
    one.size = written;
    if (const auto* reference = std::get_if<typed::VariableReference>(&size->node))
      one.size_variable = program_.variables[reference->variable].name;
    facts_.plates.push_back(std::move(one));
    return static_cast<int>(facts_.plates.size()) - 1;
  }

  VariableFact variable(VariableId id) {
    const typed::Variable& declared = program_.variables[id];
    VariableFact fact;
    fact.name = declared.name;
    fact.role = reading_.roles[id];
    fact.is_integer = declared.type.base == Base::integer;
    fact.array_rank = declared.type.array_rank;
    fact.base = base_name(declared.type.base);
    fact.type = declared.type_text;
    fact.transform = declared.transform->name;
    fact.is_constrained_type = declared.transform->is_type();
    fact.lower = text(declared.lower);
    fact.upper = text(declared.upper);
    fact.constant_lower = typed::literal_number(declared.lower);
    fact.constant_upper = typed::literal_number(declared.upper);
    fact.has_design_distribution = fact.role == Role::design && !reading_.is_input[id];
    fact.is_computed = reading_.computed.drawn.contains(id);
    fact.is_size = is_size_.contains(id);
    if (const auto given = reading_.given_elements.find(id);
        given != reading_.given_elements.end() && declared.block == typed::Block::data)
      fact.given_elements = given->second;
    fact.only_generated = declared.block == typed::Block::data && !used_.contains(id);
    fact.span = declared.span;
    const auto drawn = drawn_.find(id);
    fact.drawn = drawn == drawn_.end() ? declared.span : drawn->second;
    const bool is_data = fact.role == Role::observed || fact.role == Role::design;
    for (std::size_t d = 0; d < declared.sizes.size(); ++d) {
      DimensionFact dimension;
      dimension.size = text(declared.sizes[d]);
      if (const auto* literal = std::get_if<typed::IntegerLiteral>(&declared.sizes[d]->node))
        dimension.constant_size = literal->value;
      if (is_data) {
        const DimensionUse& use = uses_.at({id, static_cast<int>(d)});
        dimension.kind = use.kind;
        dimension.reason = use.reason;
        if (use.kind != DimensionKind::fixed) dimension.plate = plate(declared.sizes[d]);
      }
      fact.dimensions.push_back(std::move(dimension));
    }
    if (fact.role == Role::parameter) {
      fact.unconstrained_size = unconstrained_size(declared, fact);
      fact.varies_with = varies_with(declared);
      fact.has_late_bound = generative::has_late_bound(program_, id);
    }
    return fact;
  }

  // As an expression of the data: the product of the sizes, those of a constrained type by its own formula.
  std::string unconstrained_size(const typed::Variable& declared, const VariableFact& fact) const {
    const typed::Transform& transform = *declared.transform;
    const std::size_t factors =
        transform.is_type() ? static_cast<std::size_t>(fact.array_rank) : fact.dimensions.size();
    const auto factor = [](const std::string& size) {
      return size.find_first_of(" +-*/") == std::string::npos ? size : "(" + size + ")";
    };
    std::string product;
    const auto multiply = [&](const std::string& size) { product += (product.empty() ? "" : " * ") + factor(size); };
    for (std::size_t d = 0; d < factors; ++d) multiply(fact.dimensions[d].size);
    if (!transform.is_type()) return product.empty() ? "1" : product;
    std::string written, word;
    const auto end_word = [&] {
      const auto& names = transform.parameter_names;
      const auto found = std::find(names.begin(), names.end(), word);
      written += found == names.end()
                     ? word
                     : factor(text(declared.transform_sizes[static_cast<std::size_t>(found - names.begin())]));
      word.clear();
    };
    for (const char c : transform.unconstrained_text) {
      if (std::isalnum(static_cast<unsigned char>(c)) || c == '_') {
        word += c;
        continue;
      }
      end_word();
      written += c;
    }
    end_word();
    if (product.empty()) return written;
    multiply(written);
    return product;
  }

  // A later dimension of a variable is nested in an earlier one.
  void nest_plates() {
    for (const VariableFact& one : facts_.variables) {
      if (one.role != Role::observed) continue;
      int outer = -1;
      for (const DimensionFact& dimension : one.dimensions) {
        if (dimension.plate < 0) continue;
        if (outer >= 0 && dimension.plate != outer &&
            facts_.plates[static_cast<std::size_t>(dimension.plate)].parent < 0)
          facts_.plates[static_cast<std::size_t>(dimension.plate)].parent = outer;
        outer = dimension.plate;
      }
    }
  }

  const typed::Program& program_;
  const generative::Reading& reading_;
  const Source& source_;
  DimensionUses uses_;
  Facts facts_;
  std::set<VariableId> is_size_, used_;
  std::map<VariableId, Span> drawn_;
};

} // namespace

Facts find_facts(const typed::Program& program, const generative::Reading& reading, const Source& source) {
  return Finder(program, reading, source).run();
}

std::string describe(const Facts& facts, const Source& source) {
  const auto because = [&](const Reason& reason) {
    return fmt::format("no (line {}: {})", source.locate(reason.span.begin).line, reason.text);
  };
  std::string text;
  text += fmt::format("generative         {}\n", facts.is_generative ? "yes" : because(facts.not_generative));
  text += fmt::format("tractable density  {}\n", facts.has_density ? "yes" : because(facts.no_density));
  if (!facts.is_generative && facts.simulates_data && !facts.with_late_bound())
    text += "data simulated     yes, given the parameters: `train --around DATA` needs no more\n";
  if (facts.is_generative && facts.allows_single_precision) text += "simulated in       float\n";
  else if (facts.is_generative)
    text += fmt::format("simulated in       double (line {}: {})\n", source.locate(facts.needs_double.span.begin).line,
                        facts.needs_double.text);
  std::size_t width = 0;
  for (const VariableFact& one : facts.variables) width = std::max(width, one.name.size());
  text += "\n";
  for (const VariableFact& one : facts.variables) {
    std::string note;
    if (one.role == Role::parameter) note = fmt::format("; {} unconstrained", one.unconstrained_size);
    if (one.has_late_bound)
      note += "; a bound depends on data that are drawn given it: simulations that break it are left out";
    if (one.role == Role::underlying) note = "; modelled through what is computed from it";
    if (one.role == Role::observed && one.is_computed) note = "; computed from the data, drawn in simulation";
    if (one.role == Role::design)
      note = one.has_design_distribution ? "; drawn for each data set" : "; from a data file";
    if (one.given_elements == GivenElements::some) note += "; elements that no statement draws are from a data file";
    if (one.given_elements == GivenElements::perhaps)
      note += "; elements that no statement draws, if any, are from a data file";
    text += fmt::format("{:<{}}  {}, {}{}\n", one.name, width, name_of(one.role), one.type, note);
    for (const DimensionFact& dimension : one.dimensions)
      if (one.role == Role::observed || (one.role == Role::design && dimension.kind != DimensionKind::fixed))
        text += fmt::format("{:<{}}    {} is {}: {}\n", "", width, dimension.size, name_of(dimension.kind),
                            dimension.reason);
  }
  for (const std::string& latent : facts.latents)
    text += fmt::format("{:<{}}  latent, {}\n", latent, width,
                        facts.has_density ? "summed out by the density" : "integrated out by simulation");
  for (const Plate& plate : facts.plates)
    text += plate.parent < 0 ? fmt::format("plate {}\n", plate.size)
                             : fmt::format("plate {} within {}\n", plate.size,
                                           facts.plates[static_cast<std::size_t>(plate.parent)].size);
  for (const Remark& remark : facts.remarks)
    text += fmt::format("note: {} (line {})\n", remark.text, source.locate(remark.span.begin).line);
  return text;
}

} // namespace sibyl
