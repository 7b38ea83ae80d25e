package io.skerry.telemetry.signal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.skerry.protocol.MalformedDocumentException;
import io.skerry.telemetry.signal.StatedSignal.Kind;
import io.skerry.telemetry.signal.StatedSignal.Range;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StatedSignalTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "IMAGE|224,200,3|0|255|224 rows, 200 columns and 3 channels, channels last, black 0.0, white 255.0",
        "IMAGE|3,224,200|0|1|224 rows, 200 columns and 3 channels, channels first, black 0.0, white 1.0",
        "IMAGE|28,30|3|200|28 rows, 30 columns and 1 channels, channels last, black 0.0, white 255.0",
        "WAVEFORM|16000|-.6|.7|16000 samples and 1 channels, channels last, full scale 1.0",
        "WAVEFORM|2,16000|-20000|7|16000 samples and 2 channels, channels first, full scale 32768.0",
      })
  void takesFromShapeAndDataWhatTheseLeaveNoDoubtOf(
      Kind kind, String shape, float low, float high, String expected) throws Exception {
    StatedSignal.Taken taken = stated(kind, "").of(shape(shape), () -> new Range(low, high));

    assertThat(taken.signal().toString()).endsWith(expected);
    assertThat(taken.told()).contains("reference values");
    assertThat(Signal.of(taken.signal().toWire())).isEqualTo(taken.signal());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "IMAGE||64,64,8|0|255|does not tell which are channels: say layout, NHWC or NCHW",
        "IMAGE||3,64,3|0|255|does not tell which are channels",
        "IMAGE||64,64,3|-1|1|neither 0 to 1 nor 0 to 255: say black and white",
        "IMAGE||64,64,3|0|20|neither 0 to 1 nor 0 to 255",
        "IMAGE||64,64,3|0|1000|neither 0 to 1 nor 0 to 255",
        "IMAGE||100|0|1|no image of rows and columns",
        "IMAGE||-1,64,3|0|1|fix every dimension",
        "IMAGE|NHWC|64,64,100|0|1|has sizes 100, 64 and 64",
        "WAVEFORM||100|-1000|3|say fullScale",
        "WAVEFORM||2,2|-1|1|does not tell which are channels: say layout, NTC or NCT",
        "WAVEFORM||2,2,2|-1|1|no sound of samples and channels",
        "SPECTROGRAM||40,100|-1|1|say layout, NTF or NFT",
        "SPECTROGRAM|NTF|40|-1|1|no spectrogram",
      })
  void asksWhereThereIsDoubt(
      Kind kind, String layout, String shape, float low, float high, String expected) {
    assertThatThrownBy(
            () ->
                stated(kind, layout == null ? "" : layout)
                    .of(shape(shape), () -> new Range(low, high)))
        .isInstanceOf(MalformedDocumentException.class)
        .hasMessageContaining(expected);
  }

  @Test
  void doesNotLookAtDataWhereAllIsSaid() throws Exception {
    StatedSignal said =
        new StatedSignal(
            Kind.IMAGE,
            Optional.of("NCHW"),
            List.of(-2f),
            List.of(2f, 2.1f, 2.2f),
            OptionalDouble.empty());

    StatedSignal.Taken taken =
        said.of(
            List.of(3L, 8L, 3L),
            () -> {
              throw new AssertionError("looked");
            });

    assertThat(taken.signal())
        .isEqualTo(new Signal.Image(8, 3, 3, true, List.of(-2f), List.of(2f, 2.1f, 2.2f)));
    assertThat(taken.told()).endsWith("as said");
  }

  @Test
  void leavesOutSidesOfOneOfASpectrogram() throws Exception {
    assertThat(
            stated(Kind.SPECTROGRAM, "NFT")
                .of(List.of(1L, 40L, 100L), () -> new Range(0, 0))
                .signal())
        .isEqualTo(new Signal.Spectrogram(100, 40, true));
  }

  private static StatedSignal stated(Kind kind, String layout) {
    return new StatedSignal(
        kind,
        Optional.of(layout).filter(text -> !text.isEmpty()),
        List.of(),
        List.of(),
        OptionalDouble.empty());
  }

  private static List<Long> shape(String text) {
    return Arrays.stream(text.split(",")).map(Long::valueOf).toList();
  }
}
