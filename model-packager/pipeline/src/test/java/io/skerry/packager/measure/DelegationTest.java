package io.skerry.packager.measure;

import static org.assertj.core.api.Assertions.assertThat;

import io.skerry.packager.graph.Activation;
import io.skerry.packager.graph.Nets;
import io.skerry.packager.graph.Op;
import io.skerry.packager.graph.Shape;
import io.skerry.packager.tflite.TfliteExport;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DelegationTest {
  @TempDir private Path folder;

  @Test
  void saysWhatIsLeftAndWhereItIs() throws Exception {
    assertThat(undelegated(1)).containsExactly("t1_channels_last (PADV2)");
  }

  @Test
  void saysNoMoreThanItsBound() throws Exception {
    assertThat(undelegated(Delegation.LISTED_MAX + 5)).hasSize(Delegation.LISTED_MAX);
  }

  /** Of values that are put along the channels of many places. */
  private List<String> undelegated(int pads) throws Exception {
    Nets net = new Nets(1, "x", Shape.BATCH, 2, 4, 4).conv(3, Activation.NONE, 1, 1);
    for (int i = 0; i < pads; i++) {
      net.add(new Op.Pad(List.of(0, 0, 0, 0), List.of(0, 1, 0, 0), 0.5f));
    }
    byte[] content = TfliteExport.write(net.conv(2, Activation.NONE, 1, 1).graph("y"));
    return Delegation.undelegated(Files.write(folder.resolve("model.tflite"), content));
  }
}
