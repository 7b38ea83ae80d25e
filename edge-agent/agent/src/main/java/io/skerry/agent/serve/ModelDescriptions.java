package io.skerry.agent.serve;

import io.skerry.agent.model.ServingModel;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.TensorSpec;
import io.skerry.wire.inference.DataType;
import io.skerry.wire.inference.ModelConfig;
import io.skerry.wire.inference.ModelInput;
import io.skerry.wire.inference.ModelMetadataResponse;
import io.skerry.wire.inference.ModelMetadataResponse.TensorMetadata;
import io.skerry.wire.inference.ModelOutput;
import java.util.List;

/** Describes a model in the protocol's words. */
final class ModelDescriptions {
  private ModelDescriptions() {}

  static ModelMetadataResponse metadata(ServingModel model, List<String> versions) {
    return ModelMetadataResponse.newBuilder()
        .setName(model.version().model().value())
        .addAllVersions(versions)
        .setPlatform(platform(model))
        .addAllInputs(model.signature().inputs().stream().map(ModelDescriptions::metadata).toList())
        .addAllOutputs(
            model.signature().outputs().stream().map(ModelDescriptions::metadata).toList())
        .build();
  }

  static ModelConfig config(ServingModel model) {
    ModelConfig.Builder config =
        ModelConfig.newBuilder()
            .setName(model.version().model().value())
            .setPlatform(platform(model))
            .setBackend(model.engine());
    for (TensorSpec input : model.signature().inputs()) {
      config.addInput(
          ModelInput.newBuilder()
              .setName(input.name())
              .setDataType(dataType(input.type()))
              .addAllDims(input.shape()));
    }
    for (TensorSpec output : model.signature().outputs()) {
      config.addOutput(
          ModelOutput.newBuilder()
              .setName(output.name())
              .setDataType(dataType(output.type()))
              .addAllDims(output.shape()));
    }
    return config.build();
  }

  private static String platform(ServingModel model) {
    return model.engine().equals("onnxruntime") ? "onnxruntime_onnx" : model.engine();
  }

  private static TensorMetadata metadata(TensorSpec spec) {
    return TensorMetadata.newBuilder()
        .setName(spec.name())
        .setDatatype(spec.type().name())
        .addAllShape(spec.shape())
        .build();
  }

  private static DataType dataType(ElementType type) {
    return switch (type) {
      case BOOL -> DataType.TYPE_BOOL;
      case UINT8 -> DataType.TYPE_UINT8;
      case INT8 -> DataType.TYPE_INT8;
      case INT16 -> DataType.TYPE_INT16;
      case INT32 -> DataType.TYPE_INT32;
      case INT64 -> DataType.TYPE_INT64;
      case FP16 -> DataType.TYPE_FP16;
      case BF16 -> DataType.TYPE_BF16;
      case FP32 -> DataType.TYPE_FP32;
      case FP64 -> DataType.TYPE_FP64;
      case BYTES -> DataType.TYPE_STRING;
    };
  }
}
