package io.skerry.control.ingest;

import com.google.protobuf.ByteString;
import io.skerry.protocol.DeviceId;
import io.skerry.protocol.ModelVersion;
import io.skerry.protocol.SlotId;
import io.skerry.protocol.TenantId;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * One prediction that a device kept.
 *
 * @param inputType name as in the Open Inference Protocol, for example {@code FP32}
 * @param input the first input tensor, little-endian, row-major
 * @param output the first output tensor, little-endian, row-major
 * @param score the output's first value, when it is FP32
 * @param inclusionProbability with which it was chosen: weigh by its inverse
 */
public record StoredSample(
    TenantId tenant,
    DeviceId device,
    String predictionId,
    String clientId,
    SlotId slot,
    ModelVersion version,
    Instant at,
    String inputName,
    String inputType,
    List<Long> inputShape,
    ByteString input,
    ByteString output,
    Optional<Double> score,
    double inclusionProbability,
    String stratum) {
  public StoredSample {
    inputShape = List.copyOf(inputShape);
  }
}
