package io.skerry.agent.serve.http;

import com.google.gson.Strictness;
import com.google.gson.stream.JsonWriter;
import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.Base64;
import java.util.List;
import java.util.Map;

/**
 * Messages as JSON with the names that the protocol's files give: what Triton's clients read.
 * Numbers stay numbers, unset messages are left out, everything else is written.
 */
final class ProtoJson {
  private ProtoJson() {}

  static String write(Message message) {
    return text(out -> object(out, message));
  }

  /** An array of messages. */
  static String write(List<? extends Message> messages) {
    return text(
        out -> {
          out.beginArray();
          for (Message message : messages) {
            object(out, message);
          }
          out.endArray();
        });
  }

  /** Writes with a writer that takes every number. */
  @FunctionalInterface
  interface Writing {
    void to(JsonWriter out) throws IOException;
  }

  static String text(Writing writing) {
    StringWriter text = new StringWriter();
    try (JsonWriter out = new JsonWriter(text)) {
      out.setStrictness(Strictness.LENIENT);
      out.setHtmlSafe(false);
      writing.to(out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return text.toString();
  }

  private static void object(JsonWriter out, Message message) throws IOException {
    out.beginObject();
    for (FieldDescriptor field : message.getDescriptorForType().getFields()) {
      if (field.isMapField()) {
        out.name(field.getName());
        map(out, (List<?>) message.getField(field));
      } else if (field.isRepeated()) {
        out.name(field.getName()).beginArray();
        for (Object element : (List<?>) message.getField(field)) {
          value(out, field, element);
        }
        out.endArray();
      } else if (!field.hasPresence() || message.hasField(field)) {
        out.name(field.getName());
        value(out, field, message.getField(field));
      }
    }
    out.endObject();
  }

  private static void map(JsonWriter out, List<?> entries) throws IOException {
    out.beginObject();
    for (Object element : entries) {
      Map<FieldDescriptor, Object> entry = ((Message) element).getAllFields();
      Message whole = (Message) element;
      FieldDescriptor key = whole.getDescriptorForType().findFieldByNumber(1);
      FieldDescriptor value = whole.getDescriptorForType().findFieldByNumber(2);
      out.name(String.valueOf(entry.getOrDefault(key, "")));
      value(out, value, whole.getField(value));
    }
    out.endObject();
  }

  private static void value(JsonWriter out, FieldDescriptor field, Object value)
      throws IOException {
    switch (field.getJavaType()) {
      case MESSAGE -> object(out, (Message) value);
      case ENUM -> out.value(((EnumValueDescriptor) value).getName());
      case BYTE_STRING ->
          out.value(Base64.getEncoder().encodeToString(((ByteString) value).toByteArray()));
      case STRING -> out.value((String) value);
      case BOOLEAN -> out.value((Boolean) value);
      case INT, LONG, FLOAT, DOUBLE -> out.value((Number) value);
    }
  }
}
