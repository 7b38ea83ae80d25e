package io.skerry.telemetry.sample;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.skerry.wire.artifact.v1.MonitoringManifest;
import io.skerry.wire.artifact.v1.PrivacyRule;
import io.skerry.wire.fleet.v1.NamedTensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import org.junit.jupiter.api.Test;

class PrivacyFilterTest {
  private static final byte[] KEY = {1, 2, 3};

  private static PrivacyFilter filter(String field, PrivacyRule.Action action) {
    MonitoringManifest.Builder manifest = MonitoringManifest.newBuilder().setInput("x");
    manifest.addFeaturesBuilder().setName("age").setOffset(1);
    manifest.addPrivacyBuilder().setField(field).setAction(action).setStep(10).setRadius(1);
    return new PrivacyFilter(manifest.build(), KEY);
  }

  private static NamedTensor floats(String name, List<Long> shape, float... values) {
    ByteBuffer data = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    data.asFloatBuffer().put(values);
    return NamedTensor.newBuilder()
        .setName(name)
        .setDatatype("FP32")
        .addAllShape(shape)
        .setData(ByteString.copyFrom(data.array()))
        .build();
  }

  private static float[] values(NamedTensor tensor) {
    float[] values = new float[tensor.getData().size() / 4];
    tensor
        .getData()
        .asReadOnlyByteBuffer()
        .order(ByteOrder.LITTLE_ENDIAN)
        .asFloatBuffer()
        .get(values);
    return values;
  }

  @Test
  void dropsRoundsAndHashesOneFeatureOfEveryItem() {
    NamedTensor input = floats("x", List.of(2L, 2L), 1, 34, 2, 34);

    assertThat(values(filter("age", PrivacyRule.Action.DROP).input(input)))
        .containsExactly(1, Float.NaN, 2, Float.NaN);
    assertThat(values(filter("age", PrivacyRule.Action.ROUND).input(input)))
        .containsExactly(1, 30, 2, 30);
    float[] hashed = values(filter("age", PrivacyRule.Action.HASH).input(input));
    assertThat(hashed[1]).isEqualTo(hashed[3]).isBetween(0f, 1f).isNotEqualTo(34);
    assertThat(hashed[0]).isEqualTo(1);
  }

  @Test
  void blursAnImageOverRowsAndColumnsOfEachChannel() {
    NamedTensor image = floats("x", List.of(1L, 2L, 2L, 2L), 4, 100, 0, 100, 0, 100, 0, 100);

    assertThat(values(filter("input:x", PrivacyRule.Action.BLUR).input(image)))
        .containsExactly(1, 100, 1, 100, 1, 100, 1, 100);
  }

  /** A step is in reals: to integers of another scale it would be no step at all. */
  @Test
  void roundsTheRealsThatIntegersStandFor() {
    MonitoringManifest.Builder manifest = MonitoringManifest.newBuilder().setInput("x");
    manifest.addIntegersBuilder().setField("input:x").setScale(.5f).setZeroPoint(-10);
    manifest
        .addPrivacyBuilder()
        .setField("input:x")
        .setAction(PrivacyRule.Action.ROUND)
        .setStep(10);
    NamedTensor input =
        NamedTensor.newBuilder()
            .setName("x")
            .setDatatype("INT8")
            .addAllShape(List.of(1L, 4L))
            .setData(ByteString.copyFrom(new byte[] {-10, 7, 12, 127}))
            .build();

    NamedTensor told = new PrivacyFilter(manifest.build(), KEY).input(input);

    // 0, 8.5, 11 and 68.5; 70 is beyond the largest integer's 68.5.
    assertThat(told.getData().toByteArray()).containsExactly(-10, 10, 10, 127);
  }

  @Test
  void dropsWhatItCannotActOn() {
    NamedTensor text =
        NamedTensor.newBuilder()
            .setName("x")
            .setDatatype("BYTES")
            .setData(ByteString.copyFromUtf8("secret"))
            .build();

    assertThat(filter("input:x", PrivacyRule.Action.ROUND).input(text).getData())
        .isEqualTo(ByteString.copyFrom(new byte[6]));
    assertThat(filter("output:y", PrivacyRule.Action.DROP).input(text)).isEqualTo(text);
  }

  @Test
  void makesPseudonymsOfIdsThatOnlyTheDeviceCanMake() {
    PrivacyFilter filter = filter("client-id", PrivacyRule.Action.HASH);

    assertThat(filter.clientId("anna")).isEqualTo(filter.clientId("anna")).hasSize(16);
    assertThat(filter.clientId("anna")).isNotEqualTo(filter.clientId("otto"));
    assertThat(
            new PrivacyFilter(
                    MonitoringManifest.newBuilder()
                        .addPrivacy(
                            PrivacyRule.newBuilder()
                                .setField("client-id")
                                .setAction(PrivacyRule.Action.HASH))
                        .build(),
                    new byte[] {9})
                .clientId("anna"))
        .isNotEqualTo(filter.clientId("anna"));
    assertThat(filter("client-id", PrivacyRule.Action.DROP).clientId("anna")).isEmpty();
    assertThat(filter.clientId("")).isEmpty();
  }
}
