package io.skerry.agent.model;

import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.protocol.ModelName;
import io.skerry.runtime.EngineException;
import io.skerry.runtime.EngineException.Reason;
import io.skerry.runtime.InputCheck;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.RunScope;
import io.skerry.runtime.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * A pipeline as a model. At the begin of a run it leases all its steps at one moment: a swap
 * meanwhile, of one or of all, is for the next run.
 */
final class PipelineModel implements LoadedModel {
  static final String ENGINE = "pipeline";

  private final PipelineDefinition definition;
  private final ModelSlots slots;
  private final ModelSignature signature;
  private final List<ModelName> models;

  private PipelineModel(PipelineDefinition definition, ModelSlots slots, ModelSignature signature) {
    this.definition = definition;
    this.slots = slots;
    this.signature = signature;
    this.models = models(definition);
  }

  private static List<ModelName> models(PipelineDefinition definition) {
    return definition.steps().stream().map(PipelineDefinition.Step::model).toList();
  }

  /**
   * The pipeline over what answers now.
   *
   * @throws IllegalArgumentException if a step has no model, or its tensors do not fit
   */
  static PipelineModel over(PipelineDefinition definition, ModelSlots slots) {
    Map<String, TensorSpec> specs = new HashMap<>();
    for (PipelineDefinition.Step step : definition.steps()) {
      ModelSignature model =
          slots
              .find(step.model(), Optional.empty())
              .map(ServingModel::signature)
              .orElseThrow(
                  () ->
                      new IllegalArgumentException(
                          "step '%s' has no model here".formatted(step.model())));
      for (TensorSpec input : model.inputs()) {
        String tensor = step.inputs().get(input.name());
        if (tensor == null) {
          throw new IllegalArgumentException(
              "step '%s' is given nothing for its input '%s'"
                  .formatted(step.model(), input.name()));
        }
        TensorSpec given =
            specs.computeIfAbsent(
                tensor, name -> new TensorSpec(name, input.type(), input.shape()));
        requireFit(step, input, given);
      }
      requireKnown(step, model);
      for (Map.Entry<String, String> output : step.outputs().entrySet()) {
        TensorSpec made = model.output(output.getKey()).orElseThrow();
        specs.put(output.getValue(), new TensorSpec(output.getValue(), made.type(), made.shape()));
      }
    }
    return new PipelineModel(
        definition,
        slots,
        new ModelSignature(named(definition.inputs(), specs), named(definition.outputs(), specs)));
  }

  private static List<TensorSpec> named(List<String> names, Map<String, TensorSpec> specs) {
    List<TensorSpec> found = new ArrayList<>();
    for (String name : names) {
      TensorSpec spec = specs.get(name);
      if (spec == null) {
        throw new IllegalArgumentException("tensor '%s' is used by no step".formatted(name));
      }
      found.add(spec);
    }
    return found;
  }

  private static void requireFit(
      PipelineDefinition.Step step, TensorSpec wanted, TensorSpec given) {
    boolean fits = wanted.type() == given.type() && wanted.shape().size() == given.shape().size();
    for (int i = 0; fits && i < wanted.shape().size(); i++) {
      long one = wanted.shape().get(i);
      long other = given.shape().get(i);
      fits = one < 0 || other < 0 || one == other;
    }
    if (!fits) {
      throw new IllegalArgumentException(
          "step '%s' wants %s %s for its input '%s', and '%s' is %s %s"
              .formatted(
                  step.model(),
                  wanted.type(),
                  wanted.shape(),
                  wanted.name(),
                  given.name(),
                  given.type(),
                  given.shape()));
    }
  }

  private static void requireKnown(PipelineDefinition.Step step, ModelSignature model) {
    for (String input : step.inputs().keySet()) {
      if (model.input(input).isEmpty()) {
        throw new IllegalArgumentException(
            "step '%s' has no input '%s'".formatted(step.model(), input));
      }
    }
    for (String output : step.outputs().keySet()) {
      if (model.output(output).isEmpty()) {
        throw new IllegalArgumentException(
            "step '%s' has no output '%s'".formatted(step.model(), output));
      }
    }
  }

  @Override
  public String engine() {
    return ENGINE;
  }

  @Override
  public ModelSignature signature() {
    return signature;
  }

  @Override
  public List<String> providers() {
    return List.of();
  }

  @Override
  public List<Tensor> run(List<Tensor> inputs) throws EngineException {
    try (RunScope scope = RunScope.lasting()) {
      return run(inputs, scope);
    }
  }

  @Override
  public List<Tensor> run(List<Tensor> inputs, RunScope scope) throws EngineException {
    InputCheck.requireFit(signature, inputs);
    List<ModelLease> leases =
        slots
            .acquireAll(models)
            .orElseThrow(
                () ->
                    new EngineException(
                        Reason.RUN_FAILED,
                        "a step of pipeline '%s' has no model now".formatted(definition.name())));
    List<ModelLease.Step> ran = new ArrayList<>(leases.size());
    boolean again = false;
    try {
      Map<String, Tensor> tensors = new HashMap<>();
      inputs.forEach(input -> tensors.put(input.name(), input));
      for (int i = 0; i < leases.size(); i++) {
        ran.add(run(definition.steps().get(i), leases.get(i), tensors, scope));
      }
      List<Tensor> outputs = new ArrayList<>(signature.outputs().size());
      for (TensorSpec output : signature.outputs()) {
        outputs.add(Objects.requireNonNull(tensors.get(output.name())));
      }
      return outputs;
    } catch (EngineException e) {
      again = e.reason() == Reason.MUST_WAIT;
      throw e;
    } finally {
      try {
        // What must wait is run again from the first step: each counts once.
        if (!again) {
          ran.forEach(ModelLease.Step::count);
        }
      } finally {
        leases.forEach(ModelLease::close);
      }
    }
  }

  private static ModelLease.Step run(
      PipelineDefinition.Step step, ModelLease lease, Map<String, Tensor> tensors, RunScope scope)
      throws EngineException {
    ModelSignature model = lease.model().signature();
    List<Tensor> given = new ArrayList<>(model.inputs().size());
    for (TensorSpec input : model.inputs()) {
      Tensor tensor = tensors.get(step.inputs().getOrDefault(input.name(), ""));
      if (tensor == null) {
        throw new EngineException(
            Reason.RUN_FAILED,
            "%s has an input '%s', which its step is not given"
                .formatted(lease.model().version(), input.name()));
      }
      given.add(new Tensor(input.name(), tensor.type(), tensor.shape(), tensor.data()));
    }
    ModelLease.Step ran = lease.runStep(given, scope);
    for (Tensor made : ran.run().outputs()) {
      String name = step.outputs().get(made.name());
      if (name != null) {
        tensors.put(name, new Tensor(name, made.type(), made.shape(), made.data()));
      }
    }
    return ran;
  }

  @Override
  public void close() {
    // Its steps are the slots': nothing is its own.
  }
}
