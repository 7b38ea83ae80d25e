package io.skerry.packager.tflite;

import io.skerry.packager.graph.ModelRefusedException;
import io.skerry.profile.Precision;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.tensorflow.lite.schema.Model;
import org.tensorflow.lite.schema.SubGraph;
import org.tensorflow.lite.schema.TensorType;

/** Looks into TFLite files that are packaged as they are. */
public final class TfliteImport {
  private static final byte[] IDENTIFIER = "TFL3".getBytes(StandardCharsets.US_ASCII);
  private static final int IDENTIFIER_OFFSET = 4;

  private TfliteImport() {}

  /**
   * Whether the file computes on integers: whether any of its tensors is int8.
   *
   * @throws ModelRefusedException if it is no TFLite file
   */
  public static Precision precision(byte[] content) {
    int identifierEnd = IDENTIFIER_OFFSET + IDENTIFIER.length;
    if (content.length < identifierEnd
        || !Arrays.equals(content, IDENTIFIER_OFFSET, identifierEnd, IDENTIFIER, 0, 4)) {
      throw new ModelRefusedException("this is no TFLite model: export it again");
    }
    try {
      SubGraph graph = Model.getRootAsModel(ByteBuffer.wrap(content)).subgraphs(0);
      for (int i = 0; i < graph.tensorsLength(); i++) {
        if (graph.tensors(i).type() == TensorType.INT8) {
          return Precision.INT8;
        }
      }
      return Precision.FP32;
    } catch (IndexOutOfBoundsException | NullPointerException e) {
      throw new ModelRefusedException("the TFLite model is damaged: export it again", e);
    }
  }
}
