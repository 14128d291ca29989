public class Listen {
    public static void main(String[] words) throws Exception {
        new java.net.ServerSocket(Integer.parseInt(words[0]));
    }
}
