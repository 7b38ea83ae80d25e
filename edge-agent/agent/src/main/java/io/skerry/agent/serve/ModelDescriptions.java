package io.skerry.agent.serve;

import io.skerry.agent.model.ModelTraits;
import io.skerry.agent.model.ServingModel;
import io.skerry.artifact.ElementType;
import io.skerry.artifact.ModelSignature;
import io.skerry.artifact.TensorSpec;
import io.skerry.protocol.ModelVersion;
import io.skerry.wire.inference.DataType;
import io.skerry.wire.inference.ModelConfig;
import io.skerry.wire.inference.ModelInput;
import io.skerry.wire.inference.ModelInstanceGroup;
import io.skerry.wire.inference.ModelMetadataResponse;
import io.skerry.wire.inference.ModelMetadataResponse.TensorMetadata;
import io.skerry.wire.inference.ModelOutput;
import io.skerry.wire.inference.ModelTransactionPolicy;
import io.skerry.wire.inference.ModelVersionPolicy;
import java.util.List;
import java.util.Set;

/** Describes a model in the protocol's words. */
final class ModelDescriptions {
  private static final Set<String> GPU_PROVIDERS = Set.of("cuda", "tensorrt");

  private ModelDescriptions() {}

  static ModelMetadataResponse metadata(ServingModel model, List<String> versions) {
    return ModelMetadataResponse.newBuilder()
        .setName(model.version().model().value())
        .addAllVersions(versions)
        .setPlatform(platform(model.engine()))
        .addAllInputs(model.signature().inputs().stream().map(ModelDescriptions::metadata).toList())
        .addAllOutputs(
            model.signature().outputs().stream().map(ModelDescriptions::metadata).toList())
        .build();
  }

  static ModelConfig config(ServingModel model, int instances) {
    return config(
        new Described(
            model.version(), model.engine(), model.providers(), model.signature(), model.traits()),
        instances);
  }

  /** What of a model clients are told. */
  record Described(
      ModelVersion version,
      String engine,
      List<String> providers,
      ModelSignature signature,
      ModelTraits traits) {}

  static ModelConfig config(Described model, int instances) {
    int batchMax = model.traits().batchMax();
    boolean accelerated = model.providers().stream().anyMatch(GPU_PROVIDERS::contains);
    ModelConfig.Builder config =
        ModelConfig.newBuilder()
            .setName(model.version().model().value())
            .setPlatform(platform(model.engine()))
            .setBackend(model.engine())
            .setVersionPolicy(
                ModelVersionPolicy.newBuilder().setAll(ModelVersionPolicy.All.getDefaultInstance()))
            .setMaxBatchSize(batchMax)
            .setDefaultModelFilename(
                model.engine().equals("onnxruntime") ? "model.onnx" : "model." + model.engine())
            .setModelTransactionPolicy(ModelTransactionPolicy.getDefaultInstance())
            .addInstanceGroup(
                ModelInstanceGroup.newBuilder()
                    .setName(model.version().model().value())
                    .setCount(instances)
                    .setKind(
                        accelerated
                            ? ModelInstanceGroup.Kind.KIND_GPU
                            : ModelInstanceGroup.Kind.KIND_CPU));
    for (TensorSpec input : model.signature().inputs()) {
      config.addInput(
          ModelInput.newBuilder()
              .setName(input.name())
              .setDataType(dataType(input.type()))
              .addAllDims(dims(input, batchMax)));
    }
    for (TensorSpec output : model.signature().outputs()) {
      config.addOutput(
          ModelOutput.newBuilder()
              .setName(output.name())
              .setDataType(dataType(output.type()))
              .addAllDims(dims(output, batchMax))
              .setLabelFilename(model.traits().labels().isEmpty() ? "" : ModelRepository.LABELS));
    }
    return config.build();
  }

  // Clients put the batch before these when the model takes one.
  private static List<Long> dims(TensorSpec spec, int batchMax) {
    return batchMax > 0 ? spec.shape().subList(1, spec.shape().size()) : spec.shape();
  }

  private static String platform(String engine) {
    return engine.equals("onnxruntime") ? "onnxruntime_onnx" : engine;
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
      case UINT16 -> DataType.TYPE_UINT16;
      case INT16 -> DataType.TYPE_INT16;
      case UINT32 -> DataType.TYPE_UINT32;
      case INT32 -> DataType.TYPE_INT32;
      case UINT64 -> DataType.TYPE_UINT64;
      case INT64 -> DataType.TYPE_INT64;
      case FP16 -> DataType.TYPE_FP16;
      case BF16 -> DataType.TYPE_BF16;
      case FP32 -> DataType.TYPE_FP32;
      case FP64 -> DataType.TYPE_FP64;
      case BYTES -> DataType.TYPE_STRING;
    };
  }
}
