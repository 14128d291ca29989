public class Connect {
    public static void main(String[] words) throws Exception {
        new java.net.Socket(words[0], Integer.parseInt(words[1]));
    }
}
