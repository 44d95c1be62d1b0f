;;; byte-lsp.el --- Ghost text from a local model, exact at every byte  -*- lexical-binding: t; -*-

;; Copyright (C) 2026 The byte-lsp authors

;; Author: The byte-lsp authors
;; Version: 0.1.0
;; Package-Requires: ((emacs "29.1"))
;; Keywords: convenience, languages, tools
;; URL: https://arxiv.org/abs/2410.09303
;; SPDX-License-Identifier: Apache-2.0

;; This file is not part of GNU Emacs.

;; Licensed under the Apache License, Version 2.0, which goes together with
;; the GNU General Public License, version 3 and later.  You may obtain a
;; copy of it at https://www.apache.org/licenses/LICENSE-2.0.

;;; Commentary:

;; Code completion from a quantized model on this machine, shown as ghost
;; text behind point, also in the middle of a word.
;;
;;     (global-byte-lsp-mode)
;;
;; TAB accepts what is shown, M-f a word of it, C-e a line of it; M-n and M-p
;; show others, C-g none.  Where nothing is shown these keys are what they
;; were.
;;
;; The server speaks the Language Server Protocol over `jsonrpc', eglot's own
;; library.  A buffer has one eglot server, and that is mostly another one:
;; so byte-lsp has a connection of its own beside it, one for all buffers.
;; Where eglot was told that byte-lsp is the buffer's server, eglot's
;; connection is used instead, and no model is loaded twice.
;;
;; The URL above is that of the method; the program has no page of its own.

;;; Code:

(require 'cl-lib)
(require 'eglot)
(require 'jsonrpc)
(require 'project)
(eval-when-compile (require 'subr-x))


;;; Options

(defgroup byte-lsp nil
  "Ghost text from a local model, exact at every byte."
  :group 'convenience
  :prefix "byte-lsp-")

(defcustom byte-lsp-command '("byte-lsp")
  "The server's program and its arguments.
The program is looked up in the folders of the variable `exec-path', and then
in ~/.local/bin."
  :type '(repeat string))

(defcustom byte-lsp-settings nil
  "The server's settings: the section `byteLsp' as a nested property list.
For instance (:model \"qwen2.5-coder-0.5b\" :suggest (:max_lines 1)).  False
is `:json-false'.  README.md of byte-lsp lists all settings.  A change made by
`setopt' or Customize reaches a running server at once."
  :type '(plist :key-type symbol :value-type sexp)
  :initialize #'custom-initialize-default
  :set (lambda (symbol value)
         (set-default-toplevel-value symbol value)
         (byte-lsp--send-settings)))

(defcustom byte-lsp-idle-delay 0.05
  "Seconds without a key before a suggestion is asked for.
The server waits on its own, too, for as long as the model is worth it."
  :type 'number)

(defcustom byte-lsp-maximum-size 4000000
  "The most characters of a buffer in which suggestions are made."
  :type 'natnum)

(defcustom byte-lsp-inhibit-functions nil
  "Functions that can keep ghost text away: nothing is shown if one returns t.
They are called in the buffer, without arguments."
  :type 'hook)

(defface byte-lsp-ghost '((t :inherit shadow))
  "Suggestions behind point.")

(defvar-keymap byte-lsp-ghost-map
  :doc "Keys while ghost text is shown."
  "TAB" '(menu-item "" byte-lsp-accept :filter byte-lsp--unless-indenting)
  "<tab>" '(menu-item "" byte-lsp-accept :filter byte-lsp--unless-indenting)
  "<remap> <forward-word>" #'byte-lsp-accept-word
  "<remap> <right-word>" #'byte-lsp-accept-word
  "<remap> <move-end-of-line>" '(menu-item "" byte-lsp-accept-line :filter byte-lsp--at-line-end)
  "M-n" #'byte-lsp-next
  "M-p" #'byte-lsp-previous
  "C-g" #'byte-lsp-dismiss)


;;; State

(defvar byte-lsp-mode)

(defvar byte-lsp--connection nil
  "Our own connection, or nil.")

(defvar byte-lsp--trouble nil
  "Why there is no connection, as the parameters of `didChangeStatus'.")

(defvar byte-lsp--statuses (make-hash-table :test #'eq :weakness 'key)
  "The last `didChangeStatus' of each connection.")

(defvar byte-lsp--restarts nil
  "When the server was started again by itself.")

(defvar byte-lsp--log-buffer nil
  "The buffer with what the server wrote to its standard error.")

(defvar byte-lsp--progress (make-hash-table :test #'equal)
  "Titles of running work by their tokens.")

(defvar byte-lsp--agreed nil
  "Non-nil while a download was agreed to that the server will ask about.")

(defvar byte-lsp--focus nil
  "The buffer that the server takes for the one worked in.")

(defvar byte-lsp--shown-in nil
  "The buffer with ghost text, or nil.")

(defvar-local byte-lsp--document nil
  "What the server knows of this buffer, or nil.")

(defvar-local byte-lsp--tick nil
  "This buffer's tick at the last change that was seen.")

(defvar-local byte-lsp--sync-timer nil
  "The timer after which the server hears of changes at the latest.")

(defvar-local byte-lsp--exclusion nil
  "The status that keeps this file out, or nil.")

(defvar-local byte-lsp--items nil
  "The suggestions at point.  The first one is shown.")

(defvar-local byte-lsp--overlay nil
  "The overlay with ghost text while there is some on the screen.")

(defvar byte-lsp--overlay-alist `((byte-lsp--overlay . ,byte-lsp-ghost-map))
  "Keys that work while ghost text is shown, for `emulation-mode-map-alists'.")

(defvar-local byte-lsp--edited nil
  "Non-nil if this command has changed the text, and is not undo.")

(defvar-local byte-lsp--last-point nil
  "Point after the last command.")

(defvar-local byte-lsp--timer nil
  "The idle timer before the next request.")

(defvar-local byte-lsp--pending nil
  "The request under way: its connection and id.")

(defvar-local byte-lsp--asked nil
  "The tick and point of the last request, unless it is of no use any more.")


;;; The connection

(defclass byte-lsp-connection (jsonrpc-process-connection)
  ((ready :initform nil :accessor byte-lsp--ready)
   (closing :initform nil :accessor byte-lsp--closing)
   (folders :initform nil :accessor byte-lsp--folders))
  :documentation "Our own connection to the server, which all buffers share.")

(defconst byte-lsp--no-params (make-hash-table :size 0)
  "An empty JSON object.")

(defconst byte-lsp--most-restarts 3
  "A server that ended by itself is started again so often in three minutes.")

(defun byte-lsp--find-program ()
  "Return `byte-lsp-command' with the program's whole path, or nil."
  (let* ((exec-path (append exec-path (list (expand-file-name "~/.local/bin"))))
         (program (and (car byte-lsp-command) (executable-find (car byte-lsp-command)))))
    (and program (cons program (cdr byte-lsp-command)))))

(defun byte-lsp--start ()
  "Start the server, unless one is running."
  (unless (byte-lsp--running-p byte-lsp--connection)
    (let ((command (byte-lsp--find-program)))
      (if command
          (byte-lsp--connect command)
        (byte-lsp--complain
         (format "there is no program `%s' in `exec-path'" (car byte-lsp-command))
         "Install it with `pipx install /path/to/byte-lsp' or set `byte-lsp-command', then M-x byte-lsp-restart.")))))

(defun byte-lsp--running-p (connection)
  "Tell whether CONNECTION is there and alive."
  (and connection (jsonrpc-running-p connection)))

(defun byte-lsp--connect (command)
  "Start the server by COMMAND, a list, and initialize it."
  (setq byte-lsp--trouble nil
        byte-lsp--connection
        (apply #'make-instance 'byte-lsp-connection
               :name "byte-lsp"
               :process (lambda () (byte-lsp--make-process command))
               :request-dispatcher #'byte-lsp--answer
               :notification-dispatcher #'byte-lsp--hear
               :on-shutdown #'byte-lsp--ended
               (byte-lsp--without-events))
        byte-lsp--log-buffer (jsonrpc-stderr-buffer byte-lsp--connection))
  (let ((connection byte-lsp--connection))
    (jsonrpc-async-request
     connection :initialize (byte-lsp--initialize-params connection)
     :success-fn (lambda (result) (byte-lsp--initialized connection result))
     :error-fn (lambda (error) (byte-lsp--give-up connection (plist-get error :message)))
     :timeout-fn (lambda () (byte-lsp--give-up connection "the server does not answer"))
     :timeout 120)))

(defun byte-lsp--make-process (command)
  "Start COMMAND, a list, as the server's process."
  (let ((default-directory (expand-file-name "~/")))
    (make-process
     :name "byte-lsp"
     :command command
     :connection-type 'pipe
     :coding 'utf-8-emacs-unix
     :noquery t
     :stderr (get-buffer-create "*byte-lsp stderr*"))))

(defun byte-lsp--without-events ()
  "Return initargs by which any `jsonrpc' writes no message down."
  (if (slot-exists-p (find-class 'byte-lsp-connection) '-events-buffer-config)
      '(:events-buffer-config (:size 0 :format full))
    '(:events-buffer-scrollback-size 0)))

(defun byte-lsp--initialize-params (connection)
  "Return the parameters of CONNECTION's first request."
  (let ((folders (byte-lsp--folders-of-buffers)))
    (setf (byte-lsp--folders connection) folders)
    (list :processId (emacs-pid)
          :clientInfo (list :name "Emacs" :version emacs-version)
          :rootUri (and folders (byte-lsp--path-uri (car folders)))
          :workspaceFolders (vconcat (mapcar #'byte-lsp--describe-folder folders))
          :initializationOptions (list :byteLsp (byte-lsp--settings))
          :capabilities
          '(:general (:positionEncodings ["utf-32"])
            :textDocument (:synchronization (:didSave :json-false)
                           :inlineCompletion (:dynamicRegistration :json-false))
            :window (:workDoneProgress t)
            :workspace (:configuration t :workspaceFolders t)))))

(defun byte-lsp--initialized (connection result)
  "Take the answer RESULT to CONNECTION's first request, and open all documents."
  (if (not (equal (plist-get (plist-get result :capabilities) :positionEncoding) "utf-32"))
      (byte-lsp--give-up connection "the server does not count positions in code points; update it")
    (jsonrpc-notify connection :initialized byte-lsp--no-params)
    (setf (byte-lsp--ready connection) t)
    (dolist (buffer (byte-lsp--buffers))
      (with-current-buffer buffer
        (when (or buffer-file-name byte-lsp--asked)
          (byte-lsp--join))))))

(defun byte-lsp--give-up (connection reason)
  "End CONNECTION, which is of no use for REASON."
  (unless (byte-lsp--closing connection)
    (byte-lsp--stop connection)
    (byte-lsp--complain reason "`M-x byte-lsp-log' may say more; `M-x byte-lsp-restart' tries again.")))

(defun byte-lsp--stop (connection)
  "Tell CONNECTION to end, and let go of it.
Nothing is waited for.  Where a signal ends Emacs, it does not hear any
more that a process is over, and waiting for that would never end."
  (setf (byte-lsp--closing connection) t)
  (when (jsonrpc-running-p connection)
    (ignore-errors                      ; of a pipe that is closed already
      (when (byte-lsp--ready connection)
        (jsonrpc-async-request connection :shutdown nil
                               :success-fn #'ignore :error-fn #'ignore :timeout-fn #'ignore))
      (jsonrpc-notify connection :exit nil))
    (run-with-timer 3 nil #'byte-lsp--end-process connection))
  (byte-lsp--ended connection))

(defun byte-lsp--end-process (connection)
  "End the process of CONNECTION if it has not done so itself."
  (when (jsonrpc-running-p connection)
    (delete-process (jsonrpc--process connection))))

(defun byte-lsp--ended (connection)
  "Clean up after CONNECTION's process, and start it again if it ended by itself."
  (when (eq connection byte-lsp--connection)
    (setq byte-lsp--connection nil)
    (dolist (buffer (byte-lsp--buffers))
      (with-current-buffer buffer
        (setq byte-lsp--document nil byte-lsp--pending nil)
        (byte-lsp--clear)))
    (unless (byte-lsp--closing connection)
      (byte-lsp--complain "the server ended" "`M-x byte-lsp-log' says why; `M-x byte-lsp-restart' starts it again." t)
      (when (byte-lsp--may-restart-p)
        (run-with-timer 1 nil #'byte-lsp--start))))
  (force-mode-line-update t))

(defun byte-lsp--may-restart-p ()
  "Tell whether the server may be started again, and count that."
  (let ((now (float-time)))
    (setq byte-lsp--restarts (seq-filter (lambda (time) (< (- now time) 180)) byte-lsp--restarts))
    (and (< (length byte-lsp--restarts) byte-lsp--most-restarts)
         (push now byte-lsp--restarts))))

(defun byte-lsp--complain (message action &optional quietly)
  "Say once that there is no server: MESSAGE, and ACTION to do.
QUIETLY means in the echo area alone."
  (let ((text (format "byte-lsp: %s.  %s" message action)))
    (unless (equal message (plist-get byte-lsp--trouble :message))
      (if (or quietly noninteractive) (message "%s" text) (display-warning 'byte-lsp text :error))))
  (setq byte-lsp--trouble (list :kind "Error" :state "error" :message message :action action))
  (force-mode-line-update t))

(defun byte-lsp--buffers ()
  "Return the buffers in which byte-lsp is on."
  (seq-filter (lambda (buffer) (buffer-local-value 'byte-lsp-mode buffer)) (buffer-list)))


;;; Which server a buffer has

(defun byte-lsp--server ()
  "Return this buffer's connection if it can be asked: eglot's or our own."
  (or (byte-lsp--eglot-server)
      (and (byte-lsp--running-p byte-lsp--connection)
           (byte-lsp--ready byte-lsp--connection)
           byte-lsp--connection)))

(defun byte-lsp--eglot-server ()
  "Return this buffer's eglot server if that is byte-lsp."
  (when-let* (((bound-and-true-p eglot--managed-mode))
              (server (eglot-current-server)))
    (and (plist-member (eglot--capabilities server) :inlineCompletionProvider)
         (equal (plist-get (eglot--server-info server) :name) "byte-lsp")
         server)))

(defun byte-lsp--our-server ()
  "Return our own connection, to change its settings, or say why it cannot be."
  (cond ((byte-lsp--eglot-server)
         (user-error "This buffer's server is eglot's: set `eglot-workspace-configuration'"))
        ((and (byte-lsp--running-p byte-lsp--connection) (byte-lsp--ready byte-lsp--connection))
         byte-lsp--connection)
        (t (user-error "%s" (byte-lsp--describe-status)))))

(defun byte-lsp--any-server ()
  "Return this buffer's connection, or say why there is none."
  (or (byte-lsp--server) (user-error "%s" (byte-lsp--describe-status))))

(cl-defgeneric byte-lsp--sync (server)
  "Let SERVER know this buffer's text.")

(cl-defgeneric byte-lsp--text-document (server)
  "Return what this buffer is called in messages to SERVER.")

(cl-defgeneric byte-lsp--position (server)
  "Return the position of point for SERVER.")

(cl-defgeneric byte-lsp--place (server position)
  "Return the place in this buffer that is POSITION for SERVER.")

(cl-defmethod byte-lsp--sync ((_server eglot-lsp-server))
  "Let eglot do it."
  (eglot--signal-textDocument/didChange))

(cl-defmethod byte-lsp--text-document ((_server eglot-lsp-server))
  "Let eglot say it."
  (eglot--VersionedTextDocumentIdentifier))

(cl-defmethod byte-lsp--position ((_server eglot-lsp-server))
  "Let eglot count."
  (eglot--pos-to-lsp-position))

(cl-defmethod byte-lsp--place ((_server eglot-lsp-server) position)
  "Let eglot find POSITION."
  (save-excursion (eglot--lsp-position-to-point position)))


;;; What the server says and asks

(defun byte-lsp--hear (connection method params)
  "Take CONNECTION's notification METHOD with PARAMS."
  (pcase method
    ('didChangeStatus (byte-lsp--set-status connection params))
    ('$/progress (byte-lsp--show-progress (plist-get params :token) (plist-get params :value)))
    ('window/showMessage (byte-lsp--show-message (plist-get params :type) (plist-get params :message)))))

(defun byte-lsp--answer (connection method params)
  "Answer CONNECTION's request METHOD with PARAMS."
  (pcase method
    ('workspace/configuration
     (vconcat (mapcar (lambda (_item) (byte-lsp--settings)) (plist-get params :items))))
    ('workspace/workspaceFolders
     (vconcat (mapcar #'byte-lsp--describe-folder (byte-lsp--folders connection))))
    ('window/showMessageRequest
     (byte-lsp--ask-user (plist-get params :message) (append (plist-get params :actions) nil)))
    ((or 'window/workDoneProgress/create 'client/registerCapability 'client/unregisterCapability) nil)
    (_ (jsonrpc-error :code -32601 :message (format "no method %s here" method)))))

(cl-defmethod eglot-handle-notification (server (_method (eql 'didChangeStatus)) &rest params)
  "Take the status PARAMS of SERVER, which eglot started."
  (byte-lsp--set-status server params))

(defun byte-lsp--show-message (type message)
  "Show MESSAGE of the LSP type TYPE."
  (if (memql type '(1 2))
      (display-warning 'byte-lsp message (if (eql type 1) :error :warning))
    (message "%s" message)))

(defun byte-lsp--show-progress (token value)
  "Show progress of the work TOKEN in the echo area.
VALUE is the report; one that does not say how much is done is not shown."
  (when (equal (plist-get value :kind) "begin")
    (puthash token (plist-get value :title) byte-lsp--progress))
  (let ((title (gethash token byte-lsp--progress))
        (percentage (plist-get value :percentage))
        (message-log-max nil))
    (when (equal (plist-get value :kind) "end")
      (remhash token byte-lsp--progress))
    (when (and title percentage (not (active-minibuffer-window)))
      (message "%s" (string-trim (format "%s: %d %% %s" title percentage
                                         (or (plist-get value :message) "")))))))

(defun byte-lsp--ask-user (question actions)
  "Ask QUESTION, to be answered by one of ACTIONS, and return that or nil."
  (let ((titles (mapcar (lambda (action) (plist-get action :title)) actions)))
    (if (and byte-lsp--agreed (member "Download" titles))
        (progn (setq byte-lsp--agreed nil) (list :title "Download"))
      (condition-case nil
          (list :title (completing-read (concat question " ") titles nil t nil nil (car titles)))
        (quit nil)))))


;;; Settings

(defun byte-lsp--settings ()
  "Return `byte-lsp-settings' as a JSON object."
  (or byte-lsp-settings byte-lsp--no-params))

(defun byte-lsp--send-settings ()
  "Let the running server know `byte-lsp-settings'."
  (when (and (byte-lsp--running-p byte-lsp--connection) (byte-lsp--ready byte-lsp--connection))
    (jsonrpc-notify byte-lsp--connection :workspace/didChangeConfiguration
                    (list :settings (list :byteLsp (byte-lsp--settings))))))

(defun byte-lsp--with-setting (settings keys value)
  "Return a copy of SETTINGS in which the path KEYS leads to VALUE."
  (let ((copy (copy-sequence settings)))
    (plist-put copy (car keys)
               (if (cdr keys)
                   (byte-lsp--with-setting (plist-get settings (car keys)) (cdr keys) value)
                 value))))

(defun byte-lsp--change-setting (keys value)
  "Set the setting at the path KEYS to VALUE, until Emacs ends."
  (setopt byte-lsp-settings (byte-lsp--with-setting byte-lsp-settings keys value)))


;;; Folders and files

(defun byte-lsp--folder ()
  "Return the folder of this buffer's project, or nil."
  (unless (file-remote-p default-directory)
    (when-let* ((project (project-current)))
      (expand-file-name (project-root project)))))

(defun byte-lsp--folders-of-buffers ()
  "Return the projects' folders of all buffers in which byte-lsp is on."
  (delete-dups
   (delq nil (mapcar (lambda (buffer) (with-current-buffer buffer (byte-lsp--folder)))
                     (byte-lsp--buffers)))))

(defun byte-lsp--describe-folder (folder)
  "Return FOLDER as an LSP workspace folder."
  (let ((path (directory-file-name folder)))
    (list :uri (byte-lsp--path-uri path) :name (file-name-nondirectory path))))

(defun byte-lsp--add-folder (connection folder)
  "Let CONNECTION know that FOLDER is worked in, unless it does."
  (unless (or (null folder) (member folder (byte-lsp--folders connection)))
    (push folder (byte-lsp--folders connection))
    (jsonrpc-notify connection :workspace/didChangeWorkspaceFolders
                    (list :event (list :added (vector (byte-lsp--describe-folder folder)) :removed [])))))

(defun byte-lsp--path-uri (path)
  "Return the URI of the local file PATH."
  (let ((path (directory-file-name (expand-file-name path))))
    (concat "file://" (if (string-prefix-p "/" path) "" "/")
            (url-hexify-string path url-path-allowed-chars))))

(defun byte-lsp--uri ()
  "Return this buffer's URI.
Files on other machines, and buffers without one, have URIs that no file has."
  (let* ((base (or (buffer-base-buffer) (current-buffer)))
         (file (buffer-file-name base))
         (uri (cond ((null file) (concat "untitled:" (url-hexify-string (buffer-name base))))
                    ((file-remote-p file) (concat "tramp://" (url-hexify-string file url-path-allowed-chars)))
                    (t (byte-lsp--path-uri file)))))
    (if (eq base (current-buffer)) uri
      (concat uri "#" (url-hexify-string (buffer-name))))))

(defconst byte-lsp--languages
  '(("c++" . "cpp") ("js" . "javascript") ("js2" . "javascript") ("js-jsx" . "javascriptreact")
    ("tsx" . "typescriptreact") ("sh" . "shellscript") ("bash" . "shellscript") ("objc" . "objective-c")
    ("cperl" . "perl") ("gfm" . "markdown") ("mhtml" . "html") ("nxml" . "xml") ("text" . "plaintext")
    ("conf-toml" . "toml") ("conf-javaprop" . "properties") ("makefile-gmake" . "makefile")
    ("latex" . "latex") ("plain-tex" . "tex") ("caml" . "ocaml") ("tuareg" . "ocaml"))
  "LSP's names of languages whose major modes are called otherwise.")

(defun byte-lsp--language (mode)
  "Return LSP's name of the language of the major mode MODE."
  (or (get mode 'eglot-language-id)
      (let ((name (downcase (replace-regexp-in-string
                             "\\(?:-ts\\)?-mode\\'" "" (symbol-name mode)))))
        (or (cdr (assoc name byte-lsp--languages)) name))))


;;; Documents
;;
;; A document's text is never kept here a second time.  What a change leaves
;; alone at the buffer's start and at its end stays the same characters,
;; whatever else happens, so that two numbers say what the server has to hear.
;; Where a change was missed (it was made in an indirect buffer, or with
;; `inhibit-modification-hooks') the buffer's tick shows it, and all is sent.

(cl-defstruct (byte-lsp--document (:copier nil))
  "What the server knows of a buffer.
PREFIX and SUFFIX are how many characters at its two ends are as the server
knows them; SIZE and LINES are the characters and line ends that it knows, and
TICK is the buffer's at that time; RETURNS is non-nil if there were carriage
returns in the text, and WHOLE if a change was missed."
  buffer server uri (version 0) prefix suffix size lines tick returns whole)

(defun byte-lsp--open-document ()
  "Return this buffer's document if it is open.
A buffer that was cloned from another one has inherited that one's."
  (and byte-lsp--document
       (eq (byte-lsp--document-buffer byte-lsp--document) (current-buffer))
       (eq (byte-lsp--document-server byte-lsp--document) byte-lsp--connection)
       byte-lsp--document))

(cl-defmethod byte-lsp--sync ((server byte-lsp-connection))
  "Open this buffer's document for SERVER, or tell it what has changed."
  (let ((document (byte-lsp--open-document)))
    (cond ((null document) (byte-lsp--open server))
          ((not (byte-lsp--synced-p document))
           (jsonrpc-notify server :textDocument/didChange
                           (list :textDocument
                                 (list :uri (byte-lsp--document-uri document)
                                       :version (cl-incf (byte-lsp--document-version document)))
                                 :contentChanges (vector (byte-lsp--change document))))
           (byte-lsp--mark-synced document)))))

(cl-defmethod byte-lsp--text-document ((_server byte-lsp-connection))
  "Return the document's URI and version."
  (list :uri (byte-lsp--document-uri byte-lsp--document)
        :version (byte-lsp--document-version byte-lsp--document)))

(cl-defmethod byte-lsp--position ((_server byte-lsp-connection))
  "Return line and code points."
  (list :line (1- (line-number-at-pos nil t)) :character (- (point) (byte-lsp--line-start))))

(cl-defmethod byte-lsp--place ((_server byte-lsp-connection) position)
  "Find the line and code points of POSITION."
  (save-excursion
    (save-restriction
      (widen)
      (goto-char (point-min))
      (if (zerop (forward-line (plist-get position :line)))
          (min (pos-eol) (+ (point) (plist-get position :character)))
        (point-max)))))

(defun byte-lsp--line-start ()
  "Return where point's line begins, narrowed or not."
  (save-restriction (widen) (pos-bol)))

(defun byte-lsp--open (server)
  "Have SERVER open this buffer's document."
  (byte-lsp--add-folder server (byte-lsp--folder))
  (setq byte-lsp--focus (current-buffer)
        byte-lsp--document
        (make-byte-lsp--document :buffer (current-buffer) :server server :uri (byte-lsp--uri)
                                 :returns (byte-lsp--carriage-return-p)))
  (jsonrpc-notify server :textDocument/didOpen
                  (list :textDocument
                        (list :uri (byte-lsp--document-uri byte-lsp--document)
                              :languageId (byte-lsp--language major-mode)
                              :version 0
                              :text (byte-lsp--whole-text))))
  (byte-lsp--mark-synced byte-lsp--document))

(defun byte-lsp--close ()
  "Have the server close this buffer's document, if it is open."
  (when (and (byte-lsp--open-document) (byte-lsp--running-p byte-lsp--connection))
    (jsonrpc-notify byte-lsp--connection :textDocument/didClose
                    (list :textDocument (list :uri (byte-lsp--document-uri byte-lsp--document)))))
  (setq byte-lsp--document nil))

(defun byte-lsp--reopen ()
  "Open this buffer's document by its new name."
  (byte-lsp--close)
  (byte-lsp--join))

(defun byte-lsp--synced-p (document)
  "Tell whether the server knows all of DOCUMENT's text."
  (= (byte-lsp--document-tick document) (buffer-chars-modified-tick)))

(defun byte-lsp--mark-synced (document)
  "Note that the server knows all of DOCUMENT's text now."
  (setf (byte-lsp--document-size document) (buffer-size)
        (byte-lsp--document-prefix document) (buffer-size)
        (byte-lsp--document-suffix document) (buffer-size)
        (byte-lsp--document-lines document) (byte-lsp--line-ends-before (1+ (buffer-size)))
        (byte-lsp--document-tick document) (buffer-chars-modified-tick)
        (byte-lsp--document-whole document) nil
        byte-lsp--tick (buffer-chars-modified-tick)))

(defun byte-lsp--before-change (_start _end)
  "Notice a change that nobody told of."
  (when (and byte-lsp--document (not (eql byte-lsp--tick (buffer-chars-modified-tick))))
    (setf (byte-lsp--document-whole byte-lsp--document) t)))

(defun byte-lsp--after-change (start end _old-length)
  "Note that what is now between START and END was changed, unless it was not."
  (let ((tick (buffer-chars-modified-tick)))
    (unless (eql tick byte-lsp--tick)
      (setq byte-lsp--tick tick)
      (when (and this-command (not undo-in-progress))
        (setq byte-lsp--edited t))
      (when-let* ((document byte-lsp--document))
        (setf (byte-lsp--document-prefix document)
              (min (byte-lsp--document-prefix document) (1- start))
              (byte-lsp--document-suffix document)
              (min (byte-lsp--document-suffix document) (- (1+ (buffer-size)) end)))
        (unless byte-lsp--sync-timer
          (setq byte-lsp--sync-timer
                (run-with-timer 0.3 nil #'byte-lsp--sync-late (current-buffer))))))))

(defun byte-lsp--sync-late (buffer)
  "Tell the server what has changed in BUFFER, unless that was done."
  (when (buffer-live-p buffer)
    (with-current-buffer buffer
      (setq byte-lsp--sync-timer nil)
      (when-let* ((server (and byte-lsp-mode byte-lsp--document (byte-lsp--server))))
        (byte-lsp--sync server)))))

(defun byte-lsp--change (document)
  "Return an LSP change from the text that DOCUMENT stands for to this buffer's."
  (save-excursion
    (save-restriction
      (widen)
      (let* ((start (1+ (byte-lsp--document-prefix document)))
             (end (- (point-max) (byte-lsp--document-suffix document)))
             (returned (byte-lsp--document-returns document))
             (returns (byte-lsp--carriage-return-p)))
        (setf (byte-lsp--document-returns document) returns)
        (if (or returned returns (> start end)
                (byte-lsp--document-whole document)
                (not (eql byte-lsp--tick (buffer-chars-modified-tick))))
            (list :text (byte-lsp--whole-text))
          (byte-lsp--partial-change document start end))))))

(defun byte-lsp--partial-change (document start end)
  "Return the change of DOCUMENT whose new text is between START and END.
Where the old text's last line cannot be known, the change reaches to the end
of the line."
  (let* ((line (byte-lsp--line-ends-before start))
         (column (progn (goto-char start) (- start (pos-bol))))
         (lines-behind (- (byte-lsp--line-ends-before (point-max)) (byte-lsp--line-ends-before end)))
         (old-line-ends (- (byte-lsp--document-lines document) line lines-behind))
         (old-length (- (byte-lsp--document-size document) (1- start) (byte-lsp--document-suffix document)))
         (old-end (list :line line :character (+ column old-length))))
    (unless (zerop old-line-ends)
      (goto-char end)
      (setq old-end (if (search-forward "\n" nil 'move)
                        (list :line (+ line old-line-ends 1) :character 0)
                      (list :line (1+ (byte-lsp--document-lines document)) :character 0))
            end (point)))
    (list :range (list :start (list :line line :character column) :end old-end)
          :text (byte-lsp--clean (buffer-substring-no-properties start end)))))

(defun byte-lsp--line-ends-before (position)
  "Return how many line ends stand before POSITION, narrowed or not."
  (save-restriction
    (widen)
    (1- (line-number-at-pos position t))))

(defun byte-lsp--carriage-return-p ()
  "Tell whether there is a carriage return in this buffer."
  (save-excursion
    (save-restriction
      (widen)
      (goto-char (point-min))
      (search-forward "\r" nil t))))

(defun byte-lsp--whole-text ()
  "Return this buffer's text as the server may see it."
  (save-restriction
    (widen)
    (byte-lsp--clean (buffer-substring-no-properties (point-min) (point-max)))))

(defun byte-lsp--clean (text)
  "Return TEXT without what JSON cannot hold or LSP counts otherwise.
It stays as long as it was: what is no Unicode character becomes U+FFFD, and a
carriage return that stands alone, which would end a line, a blank."
  (let ((text (replace-regexp-in-string
               "[^\0-\x10ffff]\\|[\ud800-\udfff]" "\ufffd" (string-to-multibyte text) t t)))
    (if (not (string-search "\r" text)) text
      (with-temp-buffer
        (insert text)
        (goto-char (point-min))
        (while (search-forward "\r" nil t)
          (unless (eql (char-after) ?\n)
            (subst-char-in-region (1- (point)) (point) ?\r ?\s)))
        (buffer-string)))))


;;; Suggestions

(cl-defstruct (byte-lsp--item (:copier nil))
  "A suggestion: TEXT takes the place of what is between the markers START and END.
RAW is the server's item, NUMBER its place among those that came with it."
  text start end raw number shown)

(defun byte-lsp--read-item (server raw)
  "Return SERVER's item RAW as a suggestion, or nil if it does not fit here."
  (let* ((range (plist-get raw :range))
         (item (make-byte-lsp--item
                :text (plist-get raw :insertText)
                :start (copy-marker (if range (byte-lsp--place server (plist-get range :start)) (point)))
                :end (copy-marker (if range (byte-lsp--place server (plist-get range :end)) (point)) t)
                :raw raw)))
    (if (byte-lsp--rest item) item
      (byte-lsp--drop item)
      nil)))

(defun byte-lsp--drop (item)
  "Let go of ITEM's markers, and return nil."
  (set-marker (byte-lsp--item-start item) nil)
  (set-marker (byte-lsp--item-end item) nil)
  nil)

(defun byte-lsp--rest (item)
  "Return what ITEM would insert at point, or nil if it does not fit any more.
It fits while what was typed is its beginning, and what it replaces behind
point stands in its rest, too: brackets, mostly, that the editor put there."
  (let ((start (marker-position (byte-lsp--item-start item)))
        (end (marker-position (byte-lsp--item-end item)))
        (text (byte-lsp--item-text item)))
    (when (and start end (<= (point-min) start (point) end (point-max)))
      (let ((typed (buffer-substring-no-properties start (point))))
        (when (string-prefix-p typed text)
          (let ((rest (substring text (length typed)))
                (replaced (buffer-substring-no-properties (point) end)))
            (and (not (equal rest replaced))
                 (byte-lsp--in-order-p replaced rest)
                 rest)))))))

(defun byte-lsp--in-order-p (characters text)
  "Tell whether CHARACTERS stand in TEXT in this order, whatever is between them."
  (let ((at 0))
    (seq-every-p (lambda (character)
                   (when-let* ((found (string-search (string character) text at)))
                     (setq at (1+ found))))
                 characters)))

(defun byte-lsp--first-word (text)
  "Return TEXT up to where `forward-word' would go in this buffer.
That is at the end of a line at most, unless TEXT begins there."
  (let ((table (syntax-table)))
    (with-temp-buffer
      (set-syntax-table table)
      (insert text)
      (goto-char (point-min))
      (skip-chars-forward " \t\r\n")
      (let ((line-end (pos-eol)))
        (forward-word)
        (buffer-substring (point-min) (min (point) line-end))))))

(defun byte-lsp--first-line (text)
  "Return TEXT up to the end of its first line that is not empty."
  (string-match "\\`[\r\n]*[^\r\n]*" text)
  (match-string 0 text))

(defun byte-lsp--utf-16-length (text)
  "Return the length of TEXT in UTF-16 units."
  (/ (string-bytes (encode-coding-string text 'utf-16le)) 2))


;;; Ghost text

(defun byte-lsp--refresh ()
  "Forget suggestions that do not fit at point any more, and show another."
  (setq byte-lsp--items
        (seq-filter (lambda (item) (or (byte-lsp--rest item) (byte-lsp--drop item))) byte-lsp--items))
  (byte-lsp--redraw))

(defun byte-lsp--redraw (&rest _)
  "Show what is left of the first suggestion at point, or nothing.
None is forgotten: a command may only pass here on its way, as it does where a
bracket is closed by `electric-pair-mode'."
  (cond ((and byte-lsp--items (byte-lsp--rest (car byte-lsp--items)) (not (byte-lsp--inhibited-p)))
         (byte-lsp--show (car byte-lsp--items)))
        (byte-lsp--overlay (byte-lsp--hide))))

(defun byte-lsp--clear ()
  "Forget the suggestions, and show none."
  (mapc #'byte-lsp--drop byte-lsp--items)
  (setq byte-lsp--items nil)
  (byte-lsp--hide))

(defun byte-lsp--hide ()
  "Take ghost text off the screen."
  (when byte-lsp--overlay
    (delete-overlay byte-lsp--overlay)
    (setq byte-lsp--overlay nil
          byte-lsp--shown-in nil)
    (remove-hook 'post-command-hook #'byte-lsp--hide-elsewhere)
    (remove-hook 'minibuffer-setup-hook #'byte-lsp--hide-elsewhere)))

(defun byte-lsp--show (item)
  "Show ITEM behind point, in the selected window alone.
What it replaces stays on the screen where it only has to move; else the ghost
text stands in its place."
  (let* ((rest (byte-lsp--rest item))
         (end (marker-position (byte-lsp--item-end item)))
         (replaced (buffer-substring-no-properties (point) end))
         (moves (string-suffix-p replaced rest))
         (ghost (byte-lsp--ghost (if moves (substring rest 0 (- (length rest) (length replaced))) rest)))
         (overlay (or byte-lsp--overlay (setq byte-lsp--overlay (make-overlay 1 1)))))
    (move-overlay overlay (point) (if moves (point) end) (current-buffer))
    (overlay-put overlay 'byte-lsp t)
    (overlay-put overlay 'priority 1000)
    (overlay-put overlay 'window (selected-window))
    (overlay-put overlay 'after-string (and moves ghost))
    (overlay-put overlay 'display (and (not moves) ghost))
    (setq byte-lsp--shown-in (current-buffer))
    (add-hook 'post-command-hook #'byte-lsp--hide-elsewhere)
    (add-hook 'minibuffer-setup-hook #'byte-lsp--hide-elsewhere)
    (byte-lsp--tell-shown item)))

(defun byte-lsp--ghost (text)
  "Return TEXT as ghost text, before which the cursor is drawn.
A line end has no place for the cursor: there a blank comes first."
  (let ((ghost (propertize (if (string-prefix-p "\n" text) (concat " " text) text)
                           'face 'byte-lsp-ghost)))
    (unless (string-empty-p ghost)
      (put-text-property 0 1 'cursor t ghost))
    ghost))

(defun byte-lsp--hide-elsewhere ()
  "Take away ghost text that was left behind in another buffer or window."
  (when (buffer-live-p byte-lsp--shown-in)
    (let ((here (and (eq byte-lsp--shown-in (current-buffer)) (selected-window))))
      (with-current-buffer byte-lsp--shown-in
        (unless (and byte-lsp--overlay (eq here (overlay-get byte-lsp--overlay 'window)))
          (byte-lsp--cancel)
          (byte-lsp--clear))))))

(defun byte-lsp--inhibited-p ()
  "Tell whether nothing may be shown now."
  (or buffer-read-only
      (not (eq (window-buffer (selected-window)) (current-buffer)))
      (bound-and-true-p company-candidates)
      (bound-and-true-p completion-in-region-mode)
      (bound-and-true-p completion-preview-active-mode)
      (and (bound-and-true-p evil-local-mode)
           (not (memq (bound-and-true-p evil-state) '(insert replace emacs))))
      (run-hook-with-args-until-success 'byte-lsp-inhibit-functions)))

(defun byte-lsp--unless-indenting (command)
  "Return COMMAND, unless TAB is wanted for the line's indentation.
That is so before the line's text, where the suggestion begins with a blank."
  (let ((rest (and byte-lsp--items (byte-lsp--rest (car byte-lsp--items)))))
    (unless (and rest
                 (string-match-p "\\`[ \t]" rest)
                 (save-excursion (skip-chars-backward " \t") (bolp)))
      command)))

(defun byte-lsp--at-line-end (command)
  "Return COMMAND where moving to the end of the line would do nothing."
  (and (eolp) command))


;;; Asking

(defun byte-lsp--post-command ()
  "Follow what was typed: trim ghost text, or hide it, and ask anew."
  (let ((edited byte-lsp--edited)
        (moved (not (eql (point) byte-lsp--last-point))))
    (setq byte-lsp--edited nil
          byte-lsp--last-point (point))
    (byte-lsp--tell-focus)
    (cond (edited
           (byte-lsp--refresh)
           (byte-lsp--cancel)
           (byte-lsp--schedule))
          (moved
           (byte-lsp--clear)
           (byte-lsp--cancel))
          (t (byte-lsp--refresh)))))

(defun byte-lsp--schedule ()
  "Ask for a suggestion once Emacs has been idle for a moment."
  (when byte-lsp--timer (cancel-timer byte-lsp--timer))
  (setq byte-lsp--timer
        (run-with-idle-timer byte-lsp-idle-delay nil #'byte-lsp--ask-in (current-buffer))))

(defun byte-lsp--ask-in (buffer)
  "Ask for a suggestion at point of BUFFER if that is worked in."
  (when (and (buffer-live-p buffer) (eq buffer (window-buffer (selected-window))))
    (with-current-buffer buffer
      (when (and byte-lsp-mode (byte-lsp--suitable-p))
        (byte-lsp--ask nil)))))

(defun byte-lsp--suitable-p ()
  "Tell whether suggestions may be made in this buffer."
  (and (not buffer-read-only) (<= (buffer-size) byte-lsp-maximum-size)))

(defun byte-lsp--ask (then)
  "Ask for suggestions at point, and call THEN with those that fit.
With nil for THEN take it for a request of the editor's own, not the user's."
  (byte-lsp--cancel)
  (setq byte-lsp--last-point (point)
        byte-lsp--asked (cons (buffer-chars-modified-tick) (point)))
  (byte-lsp--join)
  (when-let* ((server (byte-lsp--server)))
    (let ((buffer (current-buffer))
          (asked byte-lsp--asked))
      (jsonrpc-async-request
       server :textDocument/inlineCompletion
       (list :textDocument (byte-lsp--text-document server)
             :position (byte-lsp--position server)
             :context (list :triggerKind (if then 1 2)))
       :success-fn (lambda (answer) (byte-lsp--receive buffer asked server answer then))
       :error-fn (lambda (error) (byte-lsp--refused buffer asked error then))
       :timeout-fn #'ignore
       :timeout 120)
      (setq byte-lsp--pending (cons server (jsonrpc--next-request-id server))))))

(defun byte-lsp--cancel ()
  "Wait for no answer any more, and tell the server so."
  (setq byte-lsp--asked nil)
  (when byte-lsp--timer
    (cancel-timer byte-lsp--timer)
    (setq byte-lsp--timer nil))
  (when byte-lsp--pending
    (pcase-let ((`(,server . ,id) byte-lsp--pending))
      (setq byte-lsp--pending nil)
      (when (jsonrpc-running-p server)
        (jsonrpc-notify server :$/cancelRequest (list :id id))))))

(defun byte-lsp--current-p (buffer asked)
  "Tell whether BUFFER is worked in and is as it was when ASKED was noted."
  (and (buffer-live-p buffer)
       (eq buffer (window-buffer (selected-window)))
       (with-current-buffer buffer
         (and byte-lsp-mode
              (eq asked byte-lsp--asked)
              (equal asked (cons (buffer-chars-modified-tick) (point)))))))

(defun byte-lsp--receive (buffer asked server answer then)
  "Take SERVER's ANSWER for BUFFER, unless something has happened since ASKED.
THEN is what to do with the suggestions, nil for showing them."
  (when (byte-lsp--current-p buffer asked)
    (with-current-buffer buffer
      (setq byte-lsp--pending nil)
      (let* ((raw (append (if (vectorp answer) answer (plist-get answer :items)) nil))
             (items (delq nil (mapcar (lambda (each) (byte-lsp--read-item server each)) raw))))
        (if then (funcall then items)
          (byte-lsp--adopt items))))))

(defun byte-lsp--refused (buffer asked error then)
  "Tell the user of ERROR in BUFFER if it is THEN who ASKED; others ask again."
  (when (byte-lsp--current-p buffer asked)
    (with-current-buffer buffer
      (setq byte-lsp--pending nil)
      (when then
        (message "byte-lsp: %s" (plist-get error :message))))))

(defun byte-lsp--adopt (items)
  "Show ITEMS, which the editor asked for.
What is on the screen while its text is typed stays there, but for a longer one."
  (let ((shown (and byte-lsp--items (byte-lsp--rest (car byte-lsp--items))))
        (new (and items (byte-lsp--rest (car items)))))
    (if (and shown (not (and new (string-prefix-p shown new))))
        (mapc #'byte-lsp--drop items)
      (byte-lsp--replace items))))

(defun byte-lsp--replace (items)
  "Show ITEMS in place of others."
  (mapc #'byte-lsp--drop byte-lsp--items)
  (setq byte-lsp--items items)
  (byte-lsp--refresh))


;;; What the server is told

(defun byte-lsp--tell-focus ()
  "Tell the server that this buffer is worked in, unless it knows."
  (unless (eq byte-lsp--focus (current-buffer))
    (when-let* ((server (byte-lsp--server)))
      (setq byte-lsp--focus (current-buffer))
      (when (or (byte-lsp--eglot-server) (byte-lsp--open-document))
        (jsonrpc-notify server :textDocument/didFocus
                        (list :textDocument (list :uri (plist-get (byte-lsp--text-document server) :uri))))))))

(defun byte-lsp--tell-shown (item)
  "Tell the server that ITEM is on the screen, once."
  (unless (byte-lsp--item-shown item)
    (setf (byte-lsp--item-shown item) t)
    (when-let* ((server (byte-lsp--server)))
      (jsonrpc-notify server :textDocument/didShowCompletion (list :item (byte-lsp--item-raw item))))))

(defun byte-lsp--tell-accepted (item)
  "Run the command that comes with ITEM."
  (when-let* ((server (byte-lsp--server))
              (command (plist-get (byte-lsp--item-raw item) :command)))
    (jsonrpc-async-request server :workspace/executeCommand
                           (list :command (plist-get command :command)
                                 :arguments (or (plist-get command :arguments) []))
                           :success-fn #'ignore :error-fn #'ignore :timeout-fn #'ignore)))

(defun byte-lsp--tell-partly-accepted (item)
  "Tell the server how much of ITEM stands in the text."
  (when-let* ((server (byte-lsp--server)))
    (jsonrpc-notify server :textDocument/didPartiallyAcceptCompletion
                    (list :item (byte-lsp--item-raw item)
                          :acceptedLength (byte-lsp--utf-16-length
                                           (buffer-substring-no-properties
                                            (byte-lsp--item-start item) (point)))))))


;;; Status

(defun byte-lsp--set-status (server status)
  "Take the new STATUS of SERVER.
One that is about the file worked in alone is noted there."
  (let ((before (plist-get (gethash server byte-lsp--statuses) :state))
        (state (plist-get status :state)))
    (if (equal state "excluded")
        (when (buffer-live-p byte-lsp--focus)
          (with-current-buffer byte-lsp--focus
            (setq byte-lsp--exclusion status)))
      (puthash server status byte-lsp--statuses)
      (when (buffer-live-p byte-lsp--focus)
        (with-current-buffer byte-lsp--focus
          (setq byte-lsp--exclusion nil))))
    (force-mode-line-update t)
    (when (and (member state '("ready" "degraded")) (member before '(nil "loading")))
      (byte-lsp--ask-again))))

(defun byte-lsp--ask-again ()
  "Ask where a suggestion was wanted while there was no model."
  (let ((buffer (window-buffer (selected-window))))
    (when (byte-lsp--current-p buffer (buffer-local-value 'byte-lsp--asked buffer))
      (byte-lsp--ask-in buffer))))

(defun byte-lsp--status ()
  "Return the status that matters in this buffer."
  (let ((server (or (byte-lsp--eglot-server) byte-lsp--connection)))
    (cond ((null server) (or byte-lsp--trouble '(:state "off" :kind "Inactive" :message "no server runs")))
          (byte-lsp--exclusion)
          ((gethash server byte-lsp--statuses))
          (t '(:state "loading" :kind "Normal" :message "the server starts")))))

(defun byte-lsp--describe-status ()
  "Return the status in a sentence or two."
  (let ((status (byte-lsp--status)))
    (string-trim (format "byte-lsp: %s: %s  %s" (plist-get status :state) (plist-get status :message)
                         (or (plist-get status :action) "")))))

(defconst byte-lsp--signs
  '(("loading" . "...") ("busy" . "*") ("degraded" . "?") ("error" . "!") ("off" . "-") ("excluded" . "-"))
  "What stands behind the name in the mode line, by the server's state.")

(defconst byte-lsp--faces
  '(("Error" . error) ("Warning" . warning) ("Inactive" . shadow))
  "How that looks, by the kind of status.")

(defvar-keymap byte-lsp--lighter-map
  :doc "What a click on the mode line's lighter does."
  "<mode-line> <mouse-1>" #'byte-lsp-status)

(defun byte-lsp--lighter ()
  "Return the mode line's words."
  (let ((status (byte-lsp--status)))
    (list " "
          (propertize (concat "Byte" (cdr (assoc (plist-get status :state) byte-lsp--signs)))
                      'face (cdr (assoc (plist-get status :kind) byte-lsp--faces))
                      'help-echo (concat (byte-lsp--describe-status) "\nmouse-1: say it in the echo area")
                      'mouse-face 'mode-line-highlight
                      'local-map byte-lsp--lighter-map))))


;;; The mode

(defconst byte-lsp--hooks
  '((before-change-functions byte-lsp--before-change)
    (after-change-functions byte-lsp--after-change)
    (post-self-insert-hook byte-lsp--redraw 95) ; behind electric-pair, before blink-paren waits
    (post-command-hook byte-lsp--post-command)
    (completion-in-region-mode-hook byte-lsp--redraw)
    (completion-preview-active-mode-hook byte-lsp--redraw)
    (company-completion-started-hook byte-lsp--redraw)
    (company-after-completion-hook byte-lsp--redraw)
    (eglot-managed-mode-hook byte-lsp--follow-eglot)
    (after-set-visited-file-name-hook byte-lsp--reopen)
    (clone-indirect-buffer-hook byte-lsp--become-clone)
    (clone-buffer-hook byte-lsp--become-clone)
    (change-major-mode-hook byte-lsp--turn-off)
    (kill-buffer-hook byte-lsp--turn-off))
  "Hooks of a buffer in which byte-lsp is on: name, function, depth.")

;;;###autoload
(define-minor-mode byte-lsp-mode
  "Show what a local model would type next as ghost text behind point.

While ghost text is shown:
\\<byte-lsp-ghost-map>
\\[byte-lsp-accept] accepts it
\\[byte-lsp-accept-word] accepts its first word
\\[byte-lsp-accept-line], at the end of a line, accepts its first line
\\[byte-lsp-next] and \\[byte-lsp-previous] show other suggestions
\\[byte-lsp-dismiss] takes it away.

`byte-lsp-complete' asks for a suggestion at point, however unsure."
  :lighter (:eval (byte-lsp--lighter))
  (if byte-lsp-mode (byte-lsp--turn-on) (byte-lsp--turn-off)))

;;;###autoload
(define-globalized-minor-mode global-byte-lsp-mode
  byte-lsp-mode byte-lsp--turn-on-globally
  :group 'byte-lsp
  :predicate '(prog-mode text-mode conf-mode))

(defun byte-lsp--turn-on-globally ()
  "Turn byte-lsp on in this buffer if a person writes in it."
  (unless (or noninteractive (minibufferp) (string-prefix-p " " (buffer-name)))
    (byte-lsp-mode)))

(defun byte-lsp--turn-on ()
  "Begin to make suggestions in this buffer.
One without a file, such as *scratch*, joins when something is typed there."
  (pcase-dolist (`(,hook ,function ,depth) byte-lsp--hooks)
    (add-hook hook function depth t))
  (add-to-ordered-list 'emulation-mode-map-alists 'byte-lsp--overlay-alist 100)
  (add-hook 'kill-emacs-hook #'byte-lsp--stop-all)
  (setq byte-lsp--last-point (point))
  (when (buffer-file-name (or (buffer-base-buffer) (current-buffer)))
    (byte-lsp--join)))

(defun byte-lsp--turn-off ()
  "End what `byte-lsp--turn-on' began."
  (byte-lsp--cancel)
  (byte-lsp--clear)
  (byte-lsp--close)
  (pcase-dolist (`(,hook ,function) byte-lsp--hooks)
    (remove-hook hook function t)))

(defun byte-lsp--follow-eglot ()
  "Leave this buffer to eglot if its server is byte-lsp now, else take it back."
  (cond ((not (byte-lsp--eglot-server)) (byte-lsp--join))
        (byte-lsp--connection
         (byte-lsp--close)
         (unless (seq-some #'byte-lsp--ours-p (byte-lsp--buffers))
           (byte-lsp--stop-all)))))

(defun byte-lsp--ours-p (buffer)
  "Tell whether BUFFER needs our own connection."
  (with-current-buffer buffer
    (and (or byte-lsp--document buffer-file-name)
         (not (byte-lsp--eglot-server)))))

(defun byte-lsp--join ()
  "Have the server open this buffer, and start it if need be.
One that cannot be started is not tried again."
  (unless (or byte-lsp--trouble (byte-lsp--eglot-server))
    (byte-lsp--start))
  (when-let* (((<= (buffer-size) byte-lsp-maximum-size))
              (server (byte-lsp--server)))
    (byte-lsp--sync server)))

(defun byte-lsp--become-clone ()
  "Let go of what belongs to the buffer that this one was made from."
  (remove-overlays nil nil 'byte-lsp t)
  (setq byte-lsp--items nil
        byte-lsp--overlay nil
        byte-lsp--pending nil
        byte-lsp--document nil
        byte-lsp--sync-timer nil))

(defun byte-lsp--stop-all ()
  "End the server together with Emacs."
  (when byte-lsp--connection
    (byte-lsp--stop byte-lsp--connection)))


;;; Commands

(defun byte-lsp--insert (part)
  "Insert PART, with which the suggestion that is shown begins."
  (let* ((item (car byte-lsp--items))
         (left (substring (byte-lsp--rest item) (length part))))
    (undo-boundary)
    (insert part)
    (while (not (byte-lsp--in-order-p
                 (buffer-substring-no-properties (point) (byte-lsp--item-end item)) left))
      (delete-char 1))
    (if (string-empty-p left)
        (progn (byte-lsp--tell-accepted item)
               (byte-lsp--clear))
      (byte-lsp--tell-partly-accepted item)
      (byte-lsp--refresh))))

(defun byte-lsp--shown-rest ()
  "Return the text that is shown, or say that there is none."
  (or (and byte-lsp--overlay byte-lsp--items (byte-lsp--rest (car byte-lsp--items)))
      (user-error "No suggestion is shown")))

(defun byte-lsp-accept ()
  "Insert the suggestion that is shown."
  (interactive "*")
  (byte-lsp--insert (byte-lsp--shown-rest)))

(defun byte-lsp-accept-word ()
  "Insert the first word of the suggestion that is shown."
  (interactive "*")
  (byte-lsp--insert (byte-lsp--first-word (byte-lsp--shown-rest))))

(defun byte-lsp-accept-line ()
  "Insert the first line of the suggestion that is shown."
  (interactive "*")
  (byte-lsp--insert (byte-lsp--first-line (byte-lsp--shown-rest))))

(defun byte-lsp-dismiss ()
  "Take the suggestion off the screen until something is typed."
  (interactive)
  (byte-lsp--cancel)
  (byte-lsp--clear))

(defun byte-lsp-complete ()
  "Ask for suggestions at point, however unsure."
  (interactive "*")
  (byte-lsp--invoke (lambda (_shown items) items)))

(defun byte-lsp-next ()
  "Show another suggestion; ask for more the first time."
  (interactive "*")
  (byte-lsp--turn #'byte-lsp--turn-left))

(defun byte-lsp-previous ()
  "Show the suggestion before this one; ask for more the first time."
  (interactive "*")
  (byte-lsp--turn #'byte-lsp--turn-right))

(defun byte-lsp--turn-left (items)
  "Return ITEMS with the first one last."
  (append (cdr items) (list (car items))))

(defun byte-lsp--turn-right (items)
  "Return ITEMS with the last one first."
  (append (last items) (butlast items)))

(defun byte-lsp--turn (turn)
  "Show the suggestion that comes first after TURN."
  (if (cdr byte-lsp--items)
      (progn (setq byte-lsp--items (funcall turn byte-lsp--items))
             (byte-lsp--refresh)
             (byte-lsp--tell-number))
    (byte-lsp--invoke (lambda (shown items)
                        (if (equal shown (byte-lsp--rest (car items))) (funcall turn items) items)))))

(defun byte-lsp--invoke (arrange)
  "Ask for several suggestions, and show them as ARRANGE puts them.
It is called with the text that is shown, or nil, and the suggestions."
  (byte-lsp--join)
  (byte-lsp--any-server)
  (unless (byte-lsp--suitable-p)
    (user-error "No suggestions are made in a buffer that is read-only or this large"))
  (byte-lsp--ask
   (lambda (items)
     (if (null items)
         (message "byte-lsp: no suggestion here")
       (let ((shown (and byte-lsp--items (byte-lsp--rest (car byte-lsp--items))))
             (number 0))
         (dolist (item items)
           (setf (byte-lsp--item-number item) (cl-incf number)))
         (byte-lsp--replace (funcall arrange shown items))
         (byte-lsp--tell-number))))))

(defun byte-lsp--tell-number ()
  "Say in the echo area which of the suggestions is shown."
  (let ((message-log-max nil))
    (if (cdr byte-lsp--items)
        (message "Suggestion %s of %d" (byte-lsp--item-number (car byte-lsp--items)) (length byte-lsp--items))
      (message "The only suggestion"))))

(defun byte-lsp-toggle (language-only)
  "Turn suggestions off or on in all buffers.
With prefix argument LANGUAGE-ONLY in those of this buffer's language.  This
lasts until Emacs ends; `byte-lsp-settings' is for longer."
  (interactive "P")
  (byte-lsp--our-server)
  (let* ((suggest (plist-get byte-lsp-settings :suggest))
         (language (byte-lsp--language major-mode))
         (disabled (split-string (or (plist-get suggest :disabled_languages) "") "," t "[ \t]+"))
         (on (if language-only (member language disabled)
               (eq (plist-get suggest :enabled) :json-false))))
    (if language-only
        (byte-lsp--change-setting '(:suggest :disabled_languages)
                                  (string-join (if on (remove language disabled) (cons language disabled)) ","))
      (byte-lsp--change-setting '(:suggest :enabled) (if on t :json-false)))
    (byte-lsp-dismiss)
    (message "byte-lsp: suggestions%s are %s" (if language-only (format " in %s" language) "") (if on "on" "off"))))

(defun byte-lsp-choose-model ()
  "Choose the model for suggestions, until Emacs ends.
One that is not on this machine is downloaded, if you agree."
  (interactive)
  (let* ((server (byte-lsp--our-server))
         (models (append (plist-get (jsonrpc-request server :byteLsp/models byte-lsp--no-params) :models) nil))
         (name (byte-lsp--read-model models))
         (model (seq-find (lambda (each) (equal (plist-get each :name) name)) models)))
    (when (or (eq (plist-get model :installed) t)
              (setq byte-lsp--agreed (yes-or-no-p (format "%s is not on this machine (%s).  Download it? "
                                                          name (byte-lsp--describe-model model)))))
      (byte-lsp--change-setting '(:model) name)
      (message "byte-lsp: loading %s; with :model in `byte-lsp-settings' Emacs starts with it" name))))

(defun byte-lsp--read-model (models)
  "Let the user choose one of MODELS, and return its name."
  (let* ((completion-extra-properties
          (list :annotation-function
                (lambda (name)
                  (concat "  " (byte-lsp--describe-model
                                (seq-find (lambda (model) (equal (plist-get model :name) name)) models)))))))
    (completing-read "Model: " (mapcar (lambda (model) (plist-get model :name)) models) nil t)))

(defun byte-lsp--describe-model (model)
  "Return what matters of MODEL in a line."
  (let ((bytes (plist-get model :bytes)))
    (string-join
     (delq nil (list (plist-get model :description)
                     (and bytes (format "%.0f MB" (/ bytes 1e6)))
                     (plist-get model :licence)
                     (cond ((eq (plist-get model :current) t) "in use")
                           ((eq (plist-get model :installed) t) "on this machine"))))
     ", ")))

(defun byte-lsp-compare ()
  "Show what each way to treat the cursor would suggest at point."
  (interactive)
  (byte-lsp--join)
  (let ((server (byte-lsp--any-server)))
    (unless (byte-lsp--suitable-p)
      (user-error "No suggestions are made in a buffer that is read-only or this large"))
    (message "byte-lsp: comparing...")
    (jsonrpc-async-request
     server :byteLsp/compare
     (list :textDocument (byte-lsp--text-document server) :position (byte-lsp--position server))
     :success-fn (lambda (answer) (byte-lsp--show-arms (append (plist-get answer :arms) nil)))
     :error-fn (lambda (error) (message "byte-lsp: %s" (plist-get error :message)))
     :timeout-fn (lambda () (message "byte-lsp: no answer within a minute"))
     :timeout 60)))

(defun byte-lsp--show-arms (arms)
  "Show what each of ARMS would say."
  (with-current-buffer-window "*byte-lsp compare*" nil nil
    (dolist (arm arms)
      (insert (propertize (plist-get arm :arm) 'face 'bold) "\n"
              (replace-regexp-in-string "^" "    " (plist-get arm :text)) "\n\n"))
    (special-mode))
  (message nil))

(defun byte-lsp-status ()
  "Say how the server is, and what you can do if it is not well."
  (interactive)
  (message "%s" (byte-lsp--describe-status)))

(defun byte-lsp-log ()
  "Show what the server wrote to its standard error."
  (interactive)
  (if (buffer-live-p byte-lsp--log-buffer)
      (display-buffer byte-lsp--log-buffer)
    (user-error "The server has not been started yet")))

(defun byte-lsp-restart ()
  "Start the server anew."
  (interactive)
  (when byte-lsp--connection
    (byte-lsp--stop byte-lsp--connection))
  (setq byte-lsp--trouble nil
        byte-lsp--restarts nil)
  (byte-lsp--start))

(provide 'byte-lsp)
;;; byte-lsp.el ends here
