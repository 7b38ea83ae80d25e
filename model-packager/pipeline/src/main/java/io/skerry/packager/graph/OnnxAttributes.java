package io.skerry.packager.graph;

import io.skerry.wire.onnx.AttributeProto;
import io.skerry.wire.onnx.NodeProto;
import io.skerry.wire.onnx.TensorProto;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A node's attributes, with the format's defaults for the absent ones. */
final class OnnxAttributes {
  private final Map<String, AttributeProto> attributes = new HashMap<>();

  OnnxAttributes(NodeProto node) {
    node.getAttributeList().forEach(attribute -> attributes.put(attribute.getName(), attribute));
  }

  boolean has(String name) {
    return attributes.containsKey(name);
  }

  int integer(String name, int absent) {
    return get(name).map(attribute -> Math.toIntExact(attribute.getI())).orElse(absent);
  }

  float real(String name, float absent) {
    return get(name).map(AttributeProto::getF).orElse(absent);
  }

  String text(String name, String absent) {
    return get(name).map(attribute -> attribute.getS().toStringUtf8()).orElse(absent);
  }

  List<Integer> integers(String name) {
    return Arrays.stream(longs(name)).mapToObj(Math::toIntExact).toList();
  }

  long[] longs(String name) {
    return get(name).map(AttributeProto::getIntsList).orElse(List.of()).stream()
        .mapToLong(Long::longValue)
        .toArray();
  }

  List<Float> reals(String name) {
    return get(name).map(AttributeProto::getFloatsList).orElse(List.of());
  }

  Optional<TensorProto> tensor(String name) {
    return get(name).filter(AttributeProto::hasT).map(AttributeProto::getT);
  }

  /** Strides, dilations and the like: as many ones as dimensions when absent. */
  List<Integer> perDimension(String name, int dimensions) {
    List<Integer> given = integers(name);
    if (given.isEmpty()) {
      return Collections.nCopies(dimensions, 1);
    }
    if (given.size() != dimensions || given.stream().anyMatch(value -> value < 1)) {
      throw ModelRefusedException.ofPart(
          "%s %s: %d positive numbers are needed".formatted(name, given, dimensions));
    }
    return given;
  }

  private Optional<AttributeProto> get(String name) {
    return Optional.ofNullable(attributes.get(name));
  }
}
