package io.skerry.agent.bench;

import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.runtime.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;

/** Inputs for a model of which nothing but its signature is known. */
public final class ModelInputs {
  private ModelInputs() {}

  /** Zeros, empty strings among them; every open dimension is 1. */
  public static List<Tensor> zeros(ModelSignature signature) {
    return signature.inputs().stream().map(ModelInputs::zeros).toList();
  }

  private static Tensor zeros(TensorSpec spec) {
    List<Long> shape = spec.shape().stream().map(size -> size < 0 ? 1L : size).toList();
    // A string's length takes four bytes, and zeros are empty strings.
    int width = spec.type() == ElementType.BYTES ? Integer.BYTES : spec.type().bytes();
    ByteBuffer data =
        ByteBuffer.allocateDirect(Math.toIntExact(Tensor.elements(shape) * width))
            .order(ByteOrder.LITTLE_ENDIAN);
    return new Tensor(spec.name(), spec.type(), shape, data);
  }
}
