package io.skerry.agent.trace;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TraceParentTest {
  private static final String TRACE = "0af7651916cd43dd8448eb211c80319c";
  private static final String SPAN = "b7ad6b7169203331";

  @Test
  void readsWhereTheCallerStands() {
    assertThat(TraceParent.read("00-" + TRACE + "-" + SPAN + "-01", "a=1"))
        .contains(
            new TraceParent(
                0x0af7651916cd43ddL, 0x8448eb211c80319cL, 0xb7ad6b7169203331L, true, "a=1"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"00", "02", "fe"})
  void notSampledMeansNotSampledWhateverOtherFlagsSay(String flags) {
    assertThat(TraceParent.read("00-" + TRACE + "-" + SPAN + "-" + flags, null))
        .hasValueSatisfying(parent -> assertThat(parent.sampled()).isFalse());
  }

  @Test
  void readsWhatALaterVersionBeginsWith() {
    assertThat(TraceParent.read("cc-" + TRACE + "-" + SPAN + "-03-more", null))
        .hasValueSatisfying(parent -> assertThat(parent.sampled()).isTrue());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "00",
        "00-" + TRACE + "-" + SPAN,
        "00-" + TRACE + "-" + SPAN + "-1",
        "00-" + TRACE + "-" + SPAN + "-01-more",
        "ff-" + TRACE + "-" + SPAN + "-01",
        "00-00000000000000000000000000000000-" + SPAN + "-01",
        "00-" + TRACE + "-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-" + SPAN + "-01",
        "00_" + TRACE + "_" + SPAN + "_01",
      })
  void whatIsNotValidIsAsGoodAsNone(String header) {
    assertThat(TraceParent.read(header, null)).isEmpty();
  }

  @Test
  void needsAHeaderAndDropsAStateThatIsTooLong() {
    String header = "00-" + TRACE + "-" + SPAN + "-01";

    assertThat(TraceParent.read(null, "a=1")).isEmpty();
    assertThat(TraceParent.read(header, null)).hasValueSatisfying(this::hasNoState);
    assertThat(TraceParent.read(header, "a=" + "1".repeat(511)))
        .hasValueSatisfying(this::hasNoState);
  }

  private void hasNoState(TraceParent parent) {
    assertThat(parent.state()).isEmpty();
  }
}
