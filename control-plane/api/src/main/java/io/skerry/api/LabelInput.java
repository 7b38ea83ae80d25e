package io.skerry.api;

import java.util.List;

/**
 * What a prediction to be labelled was made of.
 *
 * @param datatype as in the Open Inference Protocol
 * @param values of FP32, UINT8 and INT8 inputs, row-major; of others none
 */
public record LabelInput(String name, String datatype, List<Long> shape, List<Double> values) {
  public LabelInput {
    shape = List.copyOf(shape);
    values = List.copyOf(values);
  }
}
