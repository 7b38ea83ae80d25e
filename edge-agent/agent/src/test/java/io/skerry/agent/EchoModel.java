package io.skerry.agent;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.LoadedModel;
import io.skerry.runtime.Tensor;
import java.util.ArrayList;
import java.util.List;

/** A model that answers every input {@code x} with an output {@code x_out} of the same elements. */
public final class EchoModel implements LoadedModel {
  private final ModelSignature signature;

  private EchoModel(List<TensorSpec> inputs) {
    signature =
        new ModelSignature(
            inputs,
            inputs.stream()
                .map(spec -> new TensorSpec(spec.name() + "_out", spec.type(), spec.shape()))
                .toList());
  }

  /** One input {@code x} of shape [-1, 2]. */
  public static EchoModel of(ElementType type) {
    return new EchoModel(List.of(new TensorSpec("x", type, List.of(-1L, 2L))));
  }

  /** These inputs. */
  public static EchoModel of(TensorSpec... inputs) {
    return new EchoModel(List.of(inputs));
  }

  @Override
  public String engine() {
    return "echo";
  }

  @Override
  public ModelSignature signature() {
    return signature;
  }

  @Override
  public List<String> providers() {
    return List.of("cpu");
  }

  @Override
  public List<Tensor> run(List<Tensor> inputs) {
    List<Tensor> outputs = new ArrayList<>();
    for (Tensor input : inputs) {
      outputs.add(
          new Tensor(input.name() + "_out", input.type(), input.shape(), input.data().duplicate()));
    }
    return outputs;
  }

  @Override
  public void close() {}
}
