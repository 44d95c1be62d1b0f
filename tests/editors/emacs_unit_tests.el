;;; emacs_unit_tests.el --- What byte-lsp.el does without a server  -*- lexical-binding: t; -*-

;;; Commentary:

;; Run by test_emacs_package.py, in batch.

;;; Code:

(require 'ert)
(require 'byte-lsp)

(defvar unit--silent-server nil
  "A connection to a program that says nothing.")

(defun unit--server ()
  "Return a connection to a program that says nothing."
  (unless (byte-lsp--running-p unit--silent-server)
    (setq unit--silent-server
          (apply #'make-instance 'byte-lsp-connection
                 :name "silent"
                 :process (lambda ()
                            (make-process :name "silent" :command '("sleep" "600") :noquery t
                                          :connection-type 'pipe
                                          :stderr (get-buffer-create "*silent stderr*")))
                 (byte-lsp--without-events))))
  unit--silent-server)

(defmacro unit--in-buffer (text &rest body)
  "Run BODY in a shown buffer with TEXT, where | is point."
  (declare (indent 1))
  `(let ((buffer (generate-new-buffer "unit")))
     (unwind-protect
         (save-window-excursion
           (switch-to-buffer buffer)
           (buffer-enable-undo)
           (insert ,text)
           (goto-char (point-min))
           (search-forward "|")
           (delete-char -1)
           (setq buffer-undo-list nil)
           (setq-local byte-lsp-mode t)
           ,@body)
       (kill-buffer buffer))))

(defun unit--raw (text &optional behind before)
  "Return a server's item with TEXT at point.
It takes the place of BEHIND characters behind point and of BEFORE before it."
  (let ((line (1- (line-number-at-pos))) (column (- (point) (pos-bol))))
    (list :insertText text
          :range (list :start (list :line line :character (- column (or before 0)))
                       :end (list :line line :character (+ column (or behind 0)))))))

(defun unit--suggest (text &optional behind before)
  "Show TEXT as the server's item at point, with BEHIND and BEFORE of `unit--raw'."
  (setq byte-lsp--asked (cons (buffer-chars-modified-tick) (point)))
  (byte-lsp--receive (current-buffer) byte-lsp--asked (unit--server)
                     (list :items (vector (unit--raw text behind before))) nil))

(defun unit--shown ()
  "Return the line as it looks, with the ghost text in angle brackets, or nil."
  (when byte-lsp--overlay
    (let ((start (overlay-start byte-lsp--overlay)) (end (overlay-end byte-lsp--overlay)))
      (concat (buffer-substring-no-properties (pos-bol) start)
              "<" (substring-no-properties (or (overlay-get byte-lsp--overlay 'after-string)
                                               (overlay-get byte-lsp--overlay 'display)))
              ">" (buffer-substring-no-properties end (pos-eol))))))

(defun unit--type (text)
  "Insert TEXT as keys do, with what follows a key."
  (dolist (character (string-to-list text))
    (let ((last-command-event character) (this-command 'self-insert-command))
      (call-interactively #'self-insert-command)
      (byte-lsp--redraw)))
  (byte-lsp--refresh))


;;; What is shown

(ert-deftest unit-ghost-at-the-end-of-a-line ()
  (unit--in-buffer "x = fo|\ny"
    (unit--suggest "o(1)")
    (should (equal (unit--shown) "x = fo<o(1)>"))))

(ert-deftest unit-ghost-at-the-end-of-the-buffer ()
  (unit--in-buffer "x = fo|"
    (unit--suggest "o(1)")
    (should (equal (unit--shown) "x = fo<o(1)>"))
    (should (= (overlay-start byte-lsp--overlay) (point-max)))))

(ert-deftest unit-ghost-in-the-middle-of-a-line ()
  (unit--in-buffer "f(a.|, c)"
    (unit--suggest "b")
    (should (equal (unit--shown) "f(a.<b>, c)"))))

(ert-deftest unit-ghost-of-several-lines ()
  (unit--in-buffer "if x:|\ny"
    (unit--suggest "\n    return 1\n")
    (should (equal (unit--shown) "if x:< \n    return 1\n>"))))

(ert-deftest unit-the-cursor-is-on-the-first-character-alone ()
  (unit--in-buffer "x = fo|"
    (unit--suggest "o(1)")
    (let ((ghost (overlay-get byte-lsp--overlay 'after-string)))
      (should (get-text-property 0 'cursor ghost))
      (should-not (get-text-property 1 'cursor ghost))
      (should (eq (get-text-property 3 'face ghost) 'byte-lsp-ghost)))))

(ert-deftest unit-replaced-text-at-the-end-stays-on-the-screen ()
  (unit--in-buffer "f(|)"
    (unit--suggest "a, b)" 1)
    (should (equal (unit--shown) "f(<a, b>)"))))

(ert-deftest unit-other-replaced-text-is-covered ()
  (unit--in-buffer "f(|) #"
    (unit--suggest "a) + b" 1)
    (should (equal (unit--shown) "f(<a) + b> #"))
    (byte-lsp-accept)
    (should (equal (buffer-string) "f(a) + b #"))))

(ert-deftest unit-what-stands-before-point-is-not-shown-again ()
  (unit--in-buffer "x = fo|"
    (unit--suggest "foo(1)" 0 2)
    (should (equal (unit--shown) "x = fo<o(1)>"))
    (byte-lsp-accept)
    (should (equal (buffer-string) "x = foo(1)"))))

(ert-deftest unit-an-item-for-other-text-is-not-shown ()
  (unit--in-buffer "x = fo|"
    (unit--suggest "bar" 0 2)
    (should-not (unit--shown))
    (should-not byte-lsp--items)))

(ert-deftest unit-nothing-new-is-nothing-to-show ()
  (unit--in-buffer "f(|)"
    (unit--suggest ")" 1)
    (should-not byte-lsp--items)))

(ert-deftest unit-showing-leaves-no-trace ()
  (unit--in-buffer "x = fo|"
    (set-buffer-modified-p nil)
    (unit--suggest "o(1)")
    (should (equal (buffer-string) "x = fo"))
    (should-not (buffer-modified-p))
    (should-not buffer-undo-list)))

(ert-deftest unit-only-in-the-selected-window ()
  (unit--in-buffer "x = fo|"
    (unit--suggest "o")
    (should (eq (overlay-get byte-lsp--overlay 'window) (selected-window)))))


;;; What is accepted

(ert-deftest unit-accept-is-undone-in-one-step ()
  (unit--in-buffer "f(|)"
    (unit--suggest "a) + (b)" 1)
    (byte-lsp-accept)
    (should (equal (buffer-string) "f(a) + (b)"))
    (should (= (point) (point-max)))
    (undo-boundary)
    (undo)
    (should (equal (buffer-string) "f()"))))

(ert-deftest unit-words-then-the-rest ()
  (unit--in-buffer "f(|)  # end"
    (unit--suggest "alpha, beta) + g(x)" 1)
    (byte-lsp-accept-word)
    (should (equal (buffer-string) "f(alpha)  # end"))
    (should (equal (unit--shown) "f(alpha<, beta) + g(x>)  # end"))
    (byte-lsp-accept-word)
    (byte-lsp-accept-word)
    (should (equal (buffer-string) "f(alpha, beta) + g)  # end"))
    (byte-lsp-accept)
    (should (equal (buffer-string) "f(alpha, beta) + g(x)  # end"))
    (should-not (unit--shown))))

(ert-deftest unit-a-bracket-that-was-passed-is-not-doubled ()
  (unit--in-buffer "f(|)"
    (unit--suggest "a) + b" 1)
    (byte-lsp-accept-word)
    (should (equal (buffer-string) "f(a)"))
    (byte-lsp-accept-word)
    (should (equal (buffer-string) "f(a) + b"))))

(ert-deftest unit-lines ()
  (unit--in-buffer "if x:|"
    (unit--suggest "\n    a = 1\n    b = 2")
    (byte-lsp-accept-line)
    (should (equal (buffer-string) "if x:\n    a = 1"))
    (byte-lsp-accept-line)
    (should (equal (buffer-string) "if x:\n    a = 1\n    b = 2"))
    (should-not byte-lsp--items)))

(ert-deftest unit-first-word ()
  (with-temp-buffer
    (should (equal (byte-lsp--first-word "foo.bar") "foo"))
    (should (equal (byte-lsp--first-word ".bar()") ".bar"))
    (should (equal (byte-lsp--first-word ")\n    return") ")"))
    (should (equal (byte-lsp--first-word "\n    return x") "\n    return"))
    (should (equal (byte-lsp--first-word "  ") "  "))
    (should (equal (byte-lsp--first-word "été 1") "été"))))

(ert-deftest unit-first-line ()
  (should (equal (byte-lsp--first-line "a\nb") "a"))
  (should (equal (byte-lsp--first-line "\n  a\nb") "\n  a"))
  (should (equal (byte-lsp--first-line "\r\na\r\nb") "\r\na")))

(ert-deftest unit-accepted-length-is-in-utf-16-units ()
  (should (= (byte-lsp--utf-16-length "aé日😀") 5)))

(ert-deftest unit-read-only-text-is-left-alone ()
  (unit--in-buffer "x = fo|"
    (unit--suggest "o")
    (setq buffer-read-only t)
    (should-error (call-interactively #'byte-lsp-accept) :type 'buffer-read-only)
    (byte-lsp--refresh)
    (should-not (unit--shown))))

(ert-deftest unit-nothing-to-accept ()
  (unit--in-buffer "x|"
    (should-error (byte-lsp-accept) :type 'user-error)))


;;; Typing along

(ert-deftest unit-typing-along-trims ()
  (unit--in-buffer "x = |"
    (unit--suggest "foo(1)")
    (unit--type "fo")
    (should (equal (unit--shown) "x = fo<o(1)>"))
    (delete-char -1)
    (byte-lsp--refresh)
    (should (equal (unit--shown) "x = f<oo(1)>"))
    (unit--type "x")
    (should-not (unit--shown))))

(ert-deftest unit-typing-along-with-electric-pair ()
  (unit--in-buffer "x = foo|"
    (electric-pair-local-mode 1)
    (unit--suggest "(a, (b))")
    (unit--type "(")
    (should (equal (buffer-string) "x = foo()"))
    (should (equal (unit--shown) "x = foo(<a, (b)>)"))
    (unit--type "a, (b")
    (should (equal (buffer-string) "x = foo(a, (b))"))
    (unit--type ")")
    (should (equal (buffer-string) "x = foo(a, (b))"))))

(ert-deftest unit-typing-over-a-replaced-bracket ()
  (unit--in-buffer "x = foo(|)"
    (electric-pair-local-mode 1)
    (unit--suggest "a) + b" 1)
    (unit--type "a)")
    (should (equal (buffer-string) "x = foo(a)"))
    (should (equal (unit--shown) "x = foo(a)< + b>"))))

(ert-deftest unit-a-longer-answer-replaces-what-is-shown-another-does-not ()
  (unit--in-buffer "x = |"
    (unit--suggest "foo")
    (unit--suggest "bar()")
    (should (equal (unit--shown) "x = <foo>"))
    (unit--suggest "foo(1)")
    (should (equal (unit--shown) "x = <foo(1)>"))))

(ert-deftest unit-an-answer-for-older-text-is-dropped ()
  (unit--in-buffer "x = |"
    (let ((asked (setq byte-lsp--asked (cons (buffer-chars-modified-tick) (point))))
          (answer (list :items (vector (unit--raw "foo")))))
      (insert "y")
      (byte-lsp--receive (current-buffer) asked (unit--server) answer nil)
      (should-not byte-lsp--items)
      (delete-char -1)
      (byte-lsp--receive (current-buffer) asked (unit--server) answer nil)
      (should-not byte-lsp--items))))

(ert-deftest unit-an-answer-for-another-place-is-dropped ()
  (unit--in-buffer "x = |"
    (let ((asked (setq byte-lsp--asked (cons (buffer-chars-modified-tick) (point))))
          (answer (list :items (vector (unit--raw "foo")))))
      (goto-char (point-min))
      (byte-lsp--receive (current-buffer) asked (unit--server) answer nil)
      (should-not byte-lsp--items))))

(ert-deftest unit-an-answer-after-dismissal-is-dropped ()
  (unit--in-buffer "x = |"
    (let ((asked (setq byte-lsp--asked (cons (buffer-chars-modified-tick) (point)))))
      (byte-lsp-dismiss)
      (byte-lsp--receive (current-buffer) asked (unit--server)
                         (list :items (vector (unit--raw "foo"))) nil)
      (should-not byte-lsp--items))))


;;; Keys

(defun unit--key (key)
  "Return the command of KEY in this buffer."
  (let ((emulation-mode-map-alists '(byte-lsp--overlay-alist)))
    (key-binding (kbd key))))

(ert-deftest unit-keys-are-bound-while-ghost-text-is-shown ()
  (unit--in-buffer "x = |"
    (let ((before (mapcar #'unit--key '("TAB" "M-f" "C-e" "M-n" "C-g"))))
      (unit--suggest "foo")
      (should (equal (mapcar #'unit--key '("TAB" "M-f" "C-e" "M-n" "C-g"))
                     '(byte-lsp-accept byte-lsp-accept-word byte-lsp-accept-line
                                       byte-lsp-next byte-lsp-dismiss)))
      (byte-lsp-dismiss)
      (should (equal before (mapcar #'unit--key '("TAB" "M-f" "C-e" "M-n" "C-g")))))))

(ert-deftest unit-tab-indents-before-a-suggested-indentation ()
  (unit--in-buffer "if x:\n  |"
    (unit--suggest "  return 1")
    (should-not (eq (unit--key "TAB") 'byte-lsp-accept)))
  (unit--in-buffer "if x:\n  |"
    (unit--suggest "return 1")
    (should (eq (unit--key "TAB") 'byte-lsp-accept))))

(ert-deftest unit-end-of-line-moves-where-text-follows ()
  (unit--in-buffer "f(|)"
    (unit--suggest "foo")
    (should (eq (unit--key "C-e") 'move-end-of-line))))


;;; What the server is told

(ert-deftest unit-all-is-sent-where-there-are-or-were-carriage-returns ()
  (unit--in-buffer "a\r|\nb"
    (add-hook 'before-change-functions #'byte-lsp--before-change nil t)
    (add-hook 'after-change-functions #'byte-lsp--after-change nil t)
    (setq byte-lsp--document (make-byte-lsp--document :buffer (current-buffer) :returns t)
          byte-lsp--sync-timer t)
    (byte-lsp--mark-synced byte-lsp--document)
    (delete-char -1)
    (should (equal (byte-lsp--change byte-lsp--document) '(:text "a\nb")))
    (byte-lsp--mark-synced byte-lsp--document)
    (insert "c")
    (should (plist-get (byte-lsp--change byte-lsp--document) :range))))

(ert-deftest unit-text-for-the-server-is-as-long-as-the-buffers ()
  (should (equal (byte-lsp--clean "a\rb\r\nc\r") "a b\r\nc "))
  (should (equal (byte-lsp--clean (string ?a #x3fff80 ?b)) "a\ufffdb"))
  (should (equal (byte-lsp--clean (string ?a #xd800 ?b)) "a\ufffdb"))
  (should (equal (byte-lsp--clean "é😀") "é😀")))

(defun unit--apply (text change)
  "Return TEXT after the LSP CHANGE, counted in code points."
  (let ((range (plist-get change :range)))
    (if (null range) (plist-get change :text)
      (with-temp-buffer
        (insert text)
        (let ((start (byte-lsp--place (unit--server) (plist-get range :start)))
              (end (byte-lsp--place (unit--server) (plist-get range :end))))
          (delete-region start end)
          (goto-char start)
          (insert (plist-get change :text))
          (buffer-string))))))

(ert-deftest unit-changes-lead-from-the-old-text-to-the-new ()
  (random "byte-lsp")
  (unit--in-buffer "one\ntwo\n|three"
    (add-hook 'before-change-functions #'byte-lsp--before-change nil t)
    (add-hook 'after-change-functions #'byte-lsp--after-change nil t)
    (setq byte-lsp--document (make-byte-lsp--document :buffer (current-buffer))
          byte-lsp--sync-timer t)
    (byte-lsp--mark-synced byte-lsp--document)
    (let ((known (buffer-string)) (partial 0))
      (dotimes (_ 500)
        (dotimes (_ (1+ (random 3)))
          (goto-char (1+ (random (point-max))))
          (pcase (random 3)
            (0 (insert (nth (random 6) '("a" "\n" "é\n日" "😀" "\n\n  x" "word"))))
            (1 (delete-region (point) (min (point-max) (+ (point) (random 9)))))
            (2 (upcase-region (point) (min (point-max) (+ (point) 5))))))
        (unless (byte-lsp--synced-p byte-lsp--document)
          (let ((change (byte-lsp--change byte-lsp--document)))
            (when (plist-get change :range) (cl-incf partial))
            (setq known (unit--apply known change))
            (byte-lsp--mark-synced byte-lsp--document)))
        (should (equal known (buffer-string))))
      (should (> partial 300)))))

(ert-deftest unit-a-change-that-was-missed-is-made-up-for ()
  (unit--in-buffer "one\ntwo|"
    (add-hook 'before-change-functions #'byte-lsp--before-change nil t)
    (add-hook 'after-change-functions #'byte-lsp--after-change nil t)
    (setq byte-lsp--document (make-byte-lsp--document :buffer (current-buffer))
          byte-lsp--sync-timer t)
    (byte-lsp--mark-synced byte-lsp--document)
    (let ((inhibit-modification-hooks t))
      (insert "unseen"))
    (should-not (byte-lsp--synced-p byte-lsp--document))
    (insert "seen")
    (should (equal (byte-lsp--change byte-lsp--document) '(:text "one\ntwounseenseen")))))

(ert-deftest unit-positions-are-those-of-the-whole-buffer ()
  (unit--in-buffer "one\n日本語x|\nthree"
    (narrow-to-region (1- (point)) (point))
    (should (equal (byte-lsp--position (unit--server)) '(:line 1 :character 4)))
    (should (= (byte-lsp--place (unit--server) '(:line 1 :character 4)) (point)))
    (should (= (byte-lsp--place (unit--server) '(:line 1 :character 99)) (point)))
    (should (= (byte-lsp--place (unit--server) '(:line 9 :character 0)) (1+ (buffer-size))))))

(ert-deftest unit-uris ()
  (should (equal (byte-lsp--path-uri "/tmp/a b/é.py") "file:///tmp/a%20b/%C3%A9.py"))
  (with-temp-buffer
    (rename-buffer "*a b*" t)
    (should (equal (byte-lsp--uri) "untitled:%2Aa%20b%2A"))
    (let ((clone (make-indirect-buffer (current-buffer) "clone" t)))
      (should (equal (with-current-buffer clone (byte-lsp--uri)) "untitled:%2Aa%20b%2A#clone"))
      (kill-buffer clone))
    (setq buffer-file-name "/ssh:host:/home/me/x.py")
    (should (equal (byte-lsp--uri) "tramp:///ssh:host:/home/me/x.py"))
    (set-buffer-modified-p nil)
    (setq buffer-file-name nil)))

(ert-deftest unit-languages ()
  (should (equal (mapcar #'byte-lsp--language '(python-mode python-ts-mode c++-mode js-mode sh-mode
                                                            emacs-lisp-mode LaTeX-mode rust-ts-mode))
                 '("python" "python" "cpp" "javascript" "shellscript" "emacs-lisp" "latex" "rust"))))

(ert-deftest unit-settings-are-changed-in-a-copy ()
  (let ((settings '(:model "a" :suggest (:max_lines 1))))
    (should (equal (byte-lsp--with-setting settings '(:suggest :enabled) :json-false)
                   '(:model "a" :suggest (:max_lines 1 :enabled :json-false))))
    (should (equal (byte-lsp--with-setting nil '(:suggest :enabled) t) '(:suggest (:enabled t))))
    (should (equal settings '(:model "a" :suggest (:max_lines 1))))))


;;; What the user is told

(ert-deftest unit-a-missing-program-is-told-with-what-to-do ()
  (let ((byte-lsp-command '("no-such-program-anywhere"))
        (byte-lsp--connection nil)
        (byte-lsp--trouble nil))
    (with-temp-buffer
      (byte-lsp-mode)
      (byte-lsp--join)
      (should (equal (byte-lsp--describe-status)
                     "byte-lsp: error: there is no program `no-such-program-anywhere' in `exec-path'  \
Install it with `pipx install /path/to/byte-lsp' or set `byte-lsp-command', then M-x byte-lsp-restart."))
      (should (equal (substring-no-properties (cadr (byte-lsp--lighter))) "Byte!"))
      (should-error (byte-lsp-complete) :type 'user-error)
      (byte-lsp-mode -1))))

(ert-deftest unit-the-lighter-says-how-it-goes ()
  (with-temp-buffer
    (let ((byte-lsp--connection (unit--server)))
      (cl-flet ((lighter (state kind)
                  (byte-lsp--set-status byte-lsp--connection
                                        (list :state state :kind kind :message "m" :action "Do it."))
                  (cadr (byte-lsp--lighter))))
        (should (equal-including-properties (get-text-property 0 'face (lighter "degraded" "Warning")) 'warning))
        (should (string-search "Do it." (get-text-property 0 'help-echo (lighter "error" "Error"))))
        (should (equal (substring-no-properties (lighter "ready" "Normal")) "Byte"))
        (should (equal (substring-no-properties (lighter "busy" "Normal")) "Byte*"))))))

(ert-deftest unit-progress-is-shown-in-the-echo-area ()
  (let (said)
    (cl-letf (((symbol-function 'message) (lambda (&rest args) (push (apply #'format args) said))))
      (byte-lsp--show-progress "1" '(:kind "begin" :title "byte-lsp: downloading m" :percentage 0))
      (byte-lsp--show-progress "1" '(:kind "report" :message "5 MB of 98" :percentage 5))
      (byte-lsp--show-progress "2" '(:kind "begin" :title "byte-lsp: loading m"))
      (byte-lsp--show-progress "1" '(:kind "end")))
    (should (equal (nreverse said)
                   '("byte-lsp: downloading m: 0 %" "byte-lsp: downloading m: 5 % 5 MB of 98")))))

(ert-deftest unit-the-mode-leaves-nothing-behind ()
  (let ((byte-lsp-command '("no-such-program-anywhere"))
        (byte-lsp--connection nil)
        (byte-lsp--trouble '(:message "there is no program `no-such-program-anywhere' in `exec-path'")))
    (with-temp-buffer
      (byte-lsp-mode)
      (should (memq #'byte-lsp--after-change after-change-functions))
      (byte-lsp-mode -1)
      (dolist (entry byte-lsp--hooks)
        (should-not (memq (cadr entry) (and (boundp (car entry)) (symbol-value (car entry)))))))))

(ert-deftest unit-hidden-windows-and-temporary-buffers-get-no-mode ()
  (with-temp-buffer
    (let ((noninteractive nil))
      (byte-lsp--turn-on-globally))
    (should-not byte-lsp-mode)))

(provide 'emacs_unit_tests)
;;; emacs_unit_tests.el ends here
